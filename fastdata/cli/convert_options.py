"""Options of ``fastdata convert``, panel by panel, as its help shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fastdata.converters import LAYOUTS

__all__ = [
    "AllowOutside",
    "Channels",
    "Classes",
    "Codec",
    "Column",
    "Delimiter",
    "DistanceDtype",
    "DistanceMaps",
    "Features",
    "Folders",
    "Horizon",
    "IgnoreIndex",
    "ImageColumn",
    "ItemTimeout",
    "KeyColumn",
    "Layout",
    "Limit",
    "MaxBad",
    "Missing",
    "OnBad",
    "Out",
    "Overwrite",
    "Quality",
    "Resize",
    "Resume",
    "Scale",
    "Source",
    "Stride",
    "Target",
    "Truncate",
    "Window",
    "Workers",
]

IMAGES, LABELS, SERIES, RUN = "Images", "Masks, labels and tables", "Series", "The run"


def _option(name: str, panel: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(name, help=text, rich_help_panel=panel, metavar=metavar)


Source = Annotated[
    Path, typer.Argument(metavar="SOURCE", help="Folder, list, table or series file to read.")
]
Out = Annotated[
    Path, typer.Argument(metavar="OUT", help="The pack to make: NAME.lmdb, NAME.h5 or NAME.hdf5.")
]

Codec = Annotated[
    Literal["auto", "jpeg-fast", "keep", "jpeg", "png", "raw"],
    _option(
        "--codec",
        IMAGES,
        "auto is jpeg-fast: JPEGs rewritten without loss for quick crops, PNGs as they are; "
        "keep stores the source bytes untouched; raw is the largest and reads fastest.",
    ),
]
Quality = Annotated[
    int, _option("--quality", IMAGES, "JPEG quality 1..100 where pixels must be encoded.")
]
Channels = Annotated[int, _option("--channels", IMAGES, "3 for RGB, 1 for grayscale.")]
Resize = Annotated[
    str | None,
    _option("--resize", IMAGES, "longest:512, shortest:256 or exact:HEIGHTxWIDTH.", "RULE"),
]
Scale = Annotated[
    int | None, _option("--scale", IMAGES, "Factor between the sizes of a pair; else found.", "N")
]

DistanceMaps = Annotated[
    str | None,
    _option("--distance-maps", LABELS, "boundary, signed or both, with a comma.", "FORMS"),
]
Truncate = Annotated[
    float | None, _option("--truncate", LABELS, "Clip distances to so many pixels.", "PIXELS")
]
DistanceDtype = Annotated[
    Literal["uint8", "float16"], _option("--distance-dtype", LABELS, "How distances are stored.")
]
Classes = Annotated[
    str | None, _option("--classes", LABELS, "Mask classes: their number, or names.", "N|A,B,..")
]
IgnoreIndex = Annotated[
    str, _option("--ignore-index", LABELS, "Mask id of no class: auto, none or N.", "ID")
]
Folders = Annotated[
    str | None, _option("--folders", LABELS, "The two folders of segmentation or pairs.", "A,B")
]
ImageColumn = Annotated[
    str | None,
    _option("--image-column", LABELS, "Column with the image paths; else found.", "NAME"),
]
KeyColumn = Annotated[
    str | None,
    _option("--key-column", LABELS, "Column that names samples; else the images.", "NAME"),
]
Column = Annotated[
    list[str] | None,
    _option(
        "--column",
        LABELS,
        "Kind of a column, where guessed wrong: image, mask, label, scalar, text, skip; of a "
        "series: number, class, skip.",
        "NAME=KIND",
    ),
]
Delimiter = Annotated[
    str | None, _option("--delimiter", LABELS, "Of a CSV file; else found.", "CHAR")
]

Window = Annotated[int | None, _option("--window", SERIES, "Rows in a window.", "N")]
Stride = Annotated[int, _option("--stride", SERIES, "Rows between windows.", "N")]
Horizon = Annotated[
    int, _option("--horizon", SERIES, "Rows from a window's end to its target.", "N")
]
Target = Annotated[str | None, _option("--target", SERIES, "Column to predict.", "NAME")]
Features = Annotated[
    str | None, _option("--features", SERIES, "Columns of a window; else all.", "A,B,..")
]
Missing = Annotated[
    Literal["error", "drop", "fill"],
    _option("--missing", SERIES, "Rows with a gap: an error, dropped, or filled from before."),
]

Layout = Annotated[
    Literal["auto", "imagefolder", "segmentation", "pairs", "table", "windows"],
    _option("--layout", RUN, f"auto (says what it found and why), {', '.join(LAYOUTS)}.", "LAYOUT"),
]
Workers = Annotated[
    str, _option("--workers", RUN, "Processes that read and decode: auto or N.", "N")
]
OnBad = Annotated[
    Literal["stop", "skip"],
    _option("--on-bad", RUN, "skip lists bad items in OUT.rejects.jsonl and goes on."),
]
MaxBad = Annotated[
    int | None, _option("--max-bad", RUN, "With skip: more rejects end the run.", "N")
]
Limit = Annotated[
    int | None, _option("--limit", RUN, "Convert N items, spread over the source.", "N")
]
ItemTimeout = Annotated[
    float, _option("--item-timeout", RUN, "Give up on an item after so long.", "SECONDS")
]
AllowOutside = Annotated[
    bool, _option("--allow-outside", RUN, "Follow links and paths out of the source.")
]
Overwrite = Annotated[bool, _option("--overwrite", RUN, "Replace OUT once the new one is whole.")]
Resume = Annotated[bool, _option("--resume", RUN, "Go on where an interrupted run ended.")]

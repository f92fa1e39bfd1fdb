"""``fastdata convert``: a source of samples becomes one pack."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fastdata.cli import console
from fastdata.cli.options import DebugOption, JsonOption
from fastdata.cli.progress import Meter
from fastdata.converters import LAYOUTS, ConversionSummary, Progress, convert
from fastdata.errors import UsageError

__all__ = ["EXAMPLES", "HELP", "run", "show_progress"]

HELP = """\
Pack a folder, list, table or series into one LMDB or HDF5 pack.

The layout is found by looking: class folders, images/ and masks/, low and high quality pairs, a CSV
or JSON lines table, or a series to cut into windows. The pack appears when it is whole and checked,
never before.
"""

EXAMPLES = """\
[bold]Examples[/bold]

  fastdata convert photos/ photos.lmdb
  fastdata convert camvid/pairs.txt camvid.h5 --distance-maps boundary,signed
  fastdata convert pollution.csv air.lmdb --window 24 --target pm2.5 --missing drop
  fastdata convert labels.csv multi.lmdb --column age=scalar --column group=label
"""

IMAGES, LABELS, SERIES, RUN = "Images", "Masks, labels and tables", "Series", "The run"

Source = Annotated[
    Path, typer.Argument(metavar="SOURCE", help="Folder, list, table or series file to read.")
]
Out = Annotated[
    Path, typer.Argument(metavar="OUT", help="The pack to make: NAME.lmdb, NAME.h5 or NAME.hdf5.")
]
Text = str | None

COLUMN_HELP = (
    "Kind of a column, where guessed wrong: image, mask, label, scalar, text, skip; of a series: "
    "number, class, skip."
)
CODEC_HELP = (
    "auto is jpeg-fast: JPEGs rewritten without loss for quick crops, PNGs as they are; "
    "keep stores the source bytes untouched; raw is the largest and reads fastest."
)
LAYOUT_HELP = f"auto (says what it found and why), {', '.join(LAYOUTS)}."

PHASES = {
    "scan": "looking at the sizes",
    "build": "writing the pack",
    "check": "checking the pack",
}
NOT_SETTINGS = {"source", "out", "column", "json", "debug"}


def _option(name: str, panel: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(name, help=text, rich_help_panel=panel, metavar=metavar)


def run(
    source: Source,
    out: Out,
    layout: Annotated[
        Literal["auto", "imagefolder", "segmentation", "pairs", "table", "windows"],
        _option("--layout", RUN, LAYOUT_HELP, "LAYOUT"),
    ] = "auto",
    codec: Annotated[
        Literal["auto", "jpeg-fast", "keep", "jpeg", "png", "raw"],
        _option("--codec", IMAGES, CODEC_HELP),
    ] = "auto",
    quality: Annotated[
        int, _option("--quality", IMAGES, "JPEG quality 1..100 where pixels must be encoded.")
    ] = 95,
    channels: Annotated[int, _option("--channels", IMAGES, "3 for RGB, 1 for grayscale.")] = 3,
    resize: Annotated[
        Text,
        _option("--resize", IMAGES, "longest:512, shortest:256 or exact:HEIGHTxWIDTH.", "RULE"),
    ] = None,
    scale: Annotated[
        int | None,
        _option("--scale", IMAGES, "Factor between the sizes of a pair; else found.", "N"),
    ] = None,
    distance_maps: Annotated[
        Text,
        _option("--distance-maps", LABELS, "boundary, signed or both, with a comma.", "FORMS"),
    ] = None,
    truncate: Annotated[
        float | None, _option("--truncate", LABELS, "Clip distances to so many pixels.", "PIXELS")
    ] = None,
    distance_dtype: Annotated[
        Literal["uint8", "float16"],
        _option("--distance-dtype", LABELS, "How distances are stored."),
    ] = "float16",
    classes: Annotated[
        Text, _option("--classes", LABELS, "Mask classes: their number, or names.", "N|A,B,..")
    ] = None,
    ignore_index: Annotated[
        str, _option("--ignore-index", LABELS, "Mask id of no class: auto, none or N.", "ID")
    ] = "auto",
    folders: Annotated[
        Text, _option("--folders", LABELS, "The two folders of segmentation or pairs.", "A,B")
    ] = None,
    image_column: Annotated[
        Text, _option("--image-column", LABELS, "Column with the image paths; else found.", "NAME")
    ] = None,
    key_column: Annotated[
        Text, _option("--key-column", LABELS, "Column that names samples; else the images.", "NAME")
    ] = None,
    column: Annotated[
        list[str] | None,
        _option("--column", LABELS, COLUMN_HELP, "NAME=KIND"),
    ] = None,
    delimiter: Annotated[
        Text, _option("--delimiter", LABELS, "Of a CSV file; else found.", "CHAR")
    ] = None,
    window: Annotated[int | None, _option("--window", SERIES, "Rows in a window.", "N")] = None,
    stride: Annotated[int, _option("--stride", SERIES, "Rows between windows.", "N")] = 1,
    horizon: Annotated[
        int, _option("--horizon", SERIES, "Rows from a window's end to its target.", "N")
    ] = 1,
    target: Annotated[Text, _option("--target", SERIES, "Column to predict.", "NAME")] = None,
    features: Annotated[
        Text, _option("--features", SERIES, "Columns of a window; else all.", "A,B,..")
    ] = None,
    missing: Annotated[
        Literal["error", "drop", "fill"],
        _option("--missing", SERIES, "Rows with a gap: an error, dropped, or filled from before."),
    ] = "error",
    workers: Annotated[
        str, _option("--workers", RUN, "Processes that read and decode: auto or N.", "N")
    ] = "auto",
    on_bad: Annotated[
        Literal["stop", "skip"],
        _option("--on-bad", RUN, "skip lists bad items in OUT.rejects.jsonl and goes on."),
    ] = "stop",
    max_bad: Annotated[
        int | None, _option("--max-bad", RUN, "With skip: more rejects end the run.", "N")
    ] = None,
    limit: Annotated[
        int | None, _option("--limit", RUN, "Convert N items, spread over the source.", "N")
    ] = None,
    item_timeout: Annotated[
        float, _option("--item-timeout", RUN, "Give up on an item after so long.", "SECONDS")
    ] = 60.0,
    allow_outside: Annotated[
        bool, _option("--allow-outside", RUN, "Follow links and paths out of the source.")
    ] = False,
    overwrite: Annotated[
        bool, _option("--overwrite", RUN, "Replace OUT once the new one is whole.")
    ] = False,
    resume: Annotated[
        bool, _option("--resume", RUN, "Go on where an interrupted run ended.")
    ] = False,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Converts `source` into the pack `out`; see `HELP`."""
    summary = _converted(source, out, _settings(locals()))
    if json:
        console.print_json(summary.to_json())
    else:
        console.print_facts(_lines(summary))


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """The options as `ConvertOptions` takes them; most have its name and type already."""
    settings = {name: value for name, value in given.items() if name not in NOT_SETTINGS}
    classes, workers = given["classes"], given["workers"]
    settings["columns"] = dict(_kind(text) for text in given["column"] or ())
    settings["distance_maps"] = _names(given["distance_maps"]) or ()
    settings["folders"] = _names(given["folders"])
    settings["features"] = _names(given["features"])
    settings["classes"] = int(classes) if (classes or "").isdecimal() else _names(classes)
    settings["workers"] = _number("--workers", workers, {"auto": "auto"})
    settings["ignore_index"] = _number(
        "--ignore-index", given["ignore_index"], {"auto": "auto", "none": None}
    )
    return settings


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(","))


def _kind(text: str) -> tuple[str, str]:
    # The last "=", since a column's name may hold one and a kind never does.
    name, equals, kind = text.rpartition("=")
    if not equals or not name:
        raise UsageError(f"--column is {text!r}; expected NAME=KIND, such as age=scalar")
    return name, kind


def _number(option: str, text: str, words: dict[str, Any]) -> Any:
    if text in words:
        return words[text]
    if not text.isdecimal():
        raise UsageError(f"{option} is {text!r}; expected {', '.join(words)} or a whole number")
    return int(text)


def _converted(source: Path, out: Path, settings: dict[str, Any]) -> ConversionSummary:
    try:
        with Meter("converting", unit="samples") as meter:
            return convert(
                source, out, progress=lambda state: show_progress(meter, state), **settings
            )
    except KeyboardInterrupt:
        console.note(
            f"fastdata: stopped; what is packed so far is kept beside {out}: "
            "the same command with --resume goes on"
        )
        raise


def show_progress(meter: Meter, state: Progress) -> None:
    """Shows where a conversion stands."""
    rejected = f"{state.rejected:,} rejected" if state.rejected else ""
    meter.update(state.done, state.total, PHASES.get(state.phase, rejected))


def _lines(summary: ConversionSummary) -> Iterator[tuple[str, str]]:
    yield "layout", f"{summary.layout}: {summary.layout_reason}"
    for text in summary.notes:
        yield "note", text
    fields = ", ".join(f"{name} ({field.kind})" for name, field in summary.schema.items())
    yield "fields", fields
    resumed = f", {summary.resumed_from:,} done before" if summary.resumed_from else ""
    yield "packed", f"{summary.count:,} of {summary.inputs:,} samples{resumed}"
    if summary.rejected:
        yield "rejected", f"{summary.rejected:,}, listed in {summary.rejects_path}"
        for error, count in summary.rejects_by_error.items():
            yield "", f"{count:,} x {error}"
    # The bytes of a resumed run are not those of the pack, and a series is read by no worker.
    whole = summary.source_bytes and not summary.resumed_from
    source = f", from {console.human_bytes(summary.source_bytes)} of files" if whole else ""
    yield "pack", f"{summary.out} ({console.human_bytes(summary.pack_bytes)}{source})"
    done = summary.inputs - summary.resumed_from
    rate = done / summary.seconds if summary.seconds else 0.0
    yield "time", f"{console.human_seconds(summary.seconds)}, {rate:,.0f} samples/s"
    yield "next", f"fastdata inspect {shlex.quote(str(summary.out))} --html sheet.html"

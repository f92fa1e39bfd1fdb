"""Low- and high-quality versions of the same images, for restoration and super-resolution.

    set/low/a.png, set/high/a.png          low, high
    set/train/low/..., set/val/low/...     low, high, split

The high image is larger than the low one by one whole factor, the same for all pairs (1 for
deblurring or denoising). Each file in the low folder is an input.
"""

from __future__ import annotations

from pathlib import Path

from fastdata.converters.imagefolder import split_folders
from fastdata.converters.listing import list_folder
from fastdata.converters.options import ConvertOptions
from fastdata.converters.paths import display
from fastdata.converters.segmentation import matched, two_folders
from fastdata.converters.source import Item, Source
from fastdata.errors import UsageError
from fastdata.schema import Field, Image, Label

__all__ = ["FOLDER_NAMES", "list_pairs", "pair_folders"]

# (low, high) in the order they are looked for.
FOLDER_NAMES = (
    ("low", "high"),
    ("lq", "hq"),
    ("lq", "gt"),
    ("lr", "hr"),
    ("input", "target"),
    ("input", "gt"),
    ("blur", "sharp"),
    ("blurred", "sharp"),
    ("noisy", "clean"),
    ("degraded", "clean"),
    ("rainy", "clean"),
    ("hazy", "clear"),
)


def pair_folders(folders: list[str], options: ConvertOptions) -> tuple[str, str] | None:
    """The names of the low and the high folder among `folders`, or None."""
    return two_folders(folders, FOLDER_NAMES, options)


def list_pairs(path: Path, options: ConvertOptions) -> Source:
    """Lists low-quality images and their high-quality partners.

    Raises:
        UsageError: There are no two such folders.
        InputError: A folder cannot be listed.
    """
    root = path.resolve()
    top = list_folder(root)
    splits = split_folders(top.folders)
    items: list[Item] = []
    notes: list[str] = []
    for split in splits or ("",):
        folders = list_folder(root / split).folders
        names = pair_folders(folders, options)
        if names is None:
            wanted = options.folders or "low/ and high/ (or lr/hr, input/target, blur/sharp ..)"
            raise UsageError(
                f"{display(root / split)}: expected the folders {wanted}, found "
                f"{[display(name) for name in folders[:8]]}; name the two with folders (--folders)"
            )
        prefix = f"{split}/" if split else ""
        values = (splits.index(split),) if split else ()
        found, unused = matched(root, prefix, names, options, "high-quality image")
        items += [item._replace(values=values) for item in found]
        if unused:
            shown = ", ".join(display(name) for name in unused[:5])
            notes.append(f"{len(unused)} high-quality image(s) without a low one ({shown})")
    image = Image(channels=options.channels)
    fields: dict[str, Field] = {"low": image, "high": image}
    if splits:
        fields["split"] = Label(classes=splits)
    return Source(
        layout="pairs",
        root=str(root),
        items=items,
        fields=fields,
        file_fields=("low", "high"),
        value_fields=("split",) if splits else (),
        scale=options.scale or 0,
        notes=tuple(notes),
    )

"""Low- and high-quality versions of the same images, for restoration and super-resolution.

    set/low/a.png, set/high/a.png          low, high
    set/train/low/..., set/val/low/...     low, high, split

The high image is larger than the low one by one whole factor, the same for all pairs (1 for
deblurring or denoising). Each file in the low folder is an input.
"""

from __future__ import annotations

from pathlib import Path

from fastdata.converters.options import ConvertOptions
from fastdata.converters.partners import list_partners, two_folders
from fastdata.converters.source import Source
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
    found = list_partners(
        path,
        options,
        FOLDER_NAMES,
        wanted="low/ and high/ (or lr/hr, input/target, blur/sharp ..)",
        partner="high-quality image",
    )
    image = Image(channels=options.channels)
    fields: dict[str, Field] = {"low": image, "high": image}
    if found.splits:
        fields["split"] = Label(classes=found.splits)
    return Source(
        layout="pairs",
        root=found.root,
        items=found.items,
        fields=fields,
        file_fields=("low", "high"),
        value_fields=("split",) if found.splits else (),
        scale=options.scale or 0,
        notes=found.notes,
    )

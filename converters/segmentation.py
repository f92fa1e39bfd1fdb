"""Images with masks of class ids: two folders, or a list file.

    streets/images/a.png, streets/masks/a.png           image, mask
    streets/train/images/..., streets/val/images/...    image, mask, split
    streets/images/train/..., streets/masks/train/...   image, mask (paths keep the sub-folder)
    pairs.txt with lines "images/a.png,masks/a.png"     image, mask

Each file in images/ is an input; its mask has the same stem in the same sub-folder. An image
without a mask, or with two, is a bad item, and so are two images of one stem.
"""

from __future__ import annotations

import os
from pathlib import Path

from fastdata.converters.options import ConvertOptions
from fastdata.converters.partners import list_partners, two_folders
from fastdata.converters.paths import display
from fastdata.converters.source import Item, Source
from fastdata.errors import InputError
from fastdata.schema import Field, Image, Label, Mask

__all__ = ["FOLDER_NAMES", "list_segmentation", "mask_folders"]

# (images, masks) in the order they are looked for.
FOLDER_NAMES = (
    ("images", "masks"),
    ("image", "mask"),
    ("imgs", "masks"),
    ("images", "labels"),
    ("images", "annotations"),
    ("images", "gt"),
    ("jpegimages", "segmentationclass"),
)
_MAX_LIST_BYTES = 1 << 30


def mask_folders(folders: list[str], options: ConvertOptions) -> tuple[str, str] | None:
    """The names of the image and the mask folder among `folders`, or None."""
    return two_folders(folders, FOLDER_NAMES, options)


def list_segmentation(path: Path, options: ConvertOptions) -> Source:
    """Lists images and their masks.

    Raises:
        UsageError: There are no two such folders.
        InputError: A folder or the list file cannot be read.
    """
    if path.is_file():
        return _from_list(path, options)
    found = list_partners(path, options, FOLDER_NAMES, wanted="images/ and masks/", partner="mask")
    return _source(found.root, found.items, options, found.splits, found.notes)


def _from_list(path: Path, options: ConvertOptions) -> Source:
    root = path.resolve().parent
    items: list[Item] = []
    notes: list[str] = []
    seen: dict[str, int] = {}
    for number, line in _list_lines(path):
        parts = [part.strip().strip('"') for part in _split(line)]
        if not seen and not notes and _is_header(root, parts):
            notes.append(f"line {number} of {display(path)} is taken for a header: {display(line)}")
            continue
        where = f"{display(path)}, line {number}"
        fault = None
        if len(parts) != 2 or not all(parts):
            fault = f"{where}: found {display(line[:80])!r}; expected image,mask"
            parts = [line[:200], ""]
        elif parts[0] in seen:
            fault = f"{where}: lists {display(parts[0])} again, after line {seen[parts[0]]}"
        seen.setdefault(parts[0], number)
        key = parts[0] if fault is None else f"{path.name}:{number}"
        items.append(Item(key, (parts[0], parts[1]), (), fault))
    return _source(str(root), items, options, (), tuple(notes))


def _is_header(root: Path, parts: list[str]) -> bool:
    """Whether the first line names columns: two words, neither with a suffix or a file."""
    return len(parts) == 2 and not any(
        os.path.splitext(part)[1] or os.path.lexists(root / part) for part in parts
    )


def _list_lines(path: Path) -> list[tuple[int, str]]:
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            raise InputError(
                f"{display(path)}: more than {_MAX_LIST_BYTES} bytes; no list of files"
            )
        # File names may be bytes of any encoding, so what is no UTF-8 is kept as it is.
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise InputError(f"{display(path)}: cannot be read ({error.strerror})") from error
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), start=1)
    return [(number, line) for number, line in lines if line.strip() and line[0] != "#"]


def _split(line: str) -> list[str]:
    for separator in (",", "\t"):
        if separator in line:
            return line.split(separator)
    return line.split()


def _source(
    root: str,
    items: list[Item],
    options: ConvertOptions,
    splits: tuple[str, ...],
    notes: tuple[str, ...],
) -> Source:
    fields: dict[str, Field] = {"image": Image(channels=options.channels), "mask": Mask()}
    if splits:
        fields["split"] = Label(classes=splits)
    return Source(
        layout="segmentation",
        root=root,
        items=items,
        fields=fields,
        file_fields=("image", "mask"),
        value_fields=("split",) if splits else (),
        notes=notes,
    )

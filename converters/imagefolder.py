"""Class folders of images, also under train/, val/ and test/, or one flat folder of images.

    photos/cat/a.jpg              image, label
    photos/train/cat/a.jpg        image, label, split
    photos/train/a.jpg            image, split
    photos/a.jpg                  image

Every regular file in these folders is an input (see `listing`), in sub-folders too. Class ids
follow the sorted folder names; a class folder without files keeps its id. In a flat folder nothing
but images is expected, whatever their names end with.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastdata.converters.listing import list_folder, walk_files
from fastdata.converters.options import ConvertOptions
from fastdata.converters.paths import display
from fastdata.converters.source import Item, Source
from fastdata.errors import UsageError
from fastdata.schema import Field, Image, Label

__all__ = ["SPLITS", "list_imagefolder", "split_folders"]

# Known names of split folders, in the order in which they are converted.
SPLITS = ("train", "training", "val", "valid", "validation", "dev", "test", "testing")
_TRAIN = {"train", "training"}


class FolderItems(Sequence[Item]):
    """Items of files whose path is their key; a million of them take about 120 MB."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._values: list[tuple[Any, ...]] = []

    def add(self, key: str, values: tuple[Any, ...]) -> None:
        """Appends a file; files of one class share their `values`."""
        self._keys.append(key)
        self._values.append(values)

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: Any) -> Any:
        key = self._keys[index]
        return Item(key, (key,), self._values[index])


def split_folders(folders: Sequence[str]) -> tuple[str, ...]:
    """Those of the folder names that are splits, in conversion order; () when there are none.

    Folders are splits when one of them is named train (or training), or all are named like splits.
    """
    found = [name for name in folders if name.lower() in SPLITS]
    if any(name.lower() in _TRAIN for name in found) or (found and len(found) == len(folders)):
        return tuple(sorted(found, key=lambda name: (SPLITS.index(name.lower()), name)))
    return ()


def list_imagefolder(path: Path, options: ConvertOptions) -> Source:
    """Lists images in class folders, split folders or one folder.

    Raises:
        UsageError: Folders are arranged in a way that leaves their meaning open.
        UnsafeFile: A link leads to a folder outside.
        InputError: A folder cannot be listed.
    """
    root = path.resolve()
    top = list_folder(root)
    splits = split_folders(top.folders)
    others = [name for name in top.folders if name not in splits]
    if splits and others:
        raise UsageError(
            f"{display(path)}: folder {display(others[0])!r} stands beside {', '.join(splits)}; "
            "expected only split folders there; move it away, or convert each folder on its own"
        )
    homes = [(split, root / split) for split in splits] or [("", root)]
    listed = [(split, list_folder(home)) for split, home in homes]
    classes = tuple(sorted({name for _, folder in listed for name in folder.folders}))
    items, strays = FolderItems(), []
    for split, folder in listed:
        at = (split,) if split else ()
        values = (splits.index(split),) if split else ()
        for name in folder.files:
            if classes:
                strays.append("/".join((*at, name)))
            else:
                items.add("/".join((*at, name)), values)
        for name in folder.folders:
            labelled = (classes.index(name), *values)
            below = "/".join((*at, name))
            for key in walk_files(root, below, allow_outside=options.allow_outside):
                items.add(key, labelled)
    return _source(str(root), items, options, classes, splits, strays)


def _source(
    root: str,
    items: FolderItems,
    options: ConvertOptions,
    classes: tuple[str, ...],
    splits: tuple[str, ...],
    strays: list[str],
) -> Source:
    fields: dict[str, Field] = {"image": Image(channels=options.channels)}
    if classes:
        fields["label"] = Label(classes=tuple(display(name) for name in classes))
    if splits:
        fields["split"] = Label(classes=splits)
    notes: tuple[str, ...] = ()
    if strays:
        shown = ", ".join(display(name) for name in strays[:5])
        notes = (f"not converted: {len(strays)} file(s) beside the class folders ({shown})",)
    return Source(
        layout="imagefolder",
        root=root,
        items=items,
        fields=fields,
        file_fields=("image",),
        value_fields=tuple(name for name in fields if name != "image"),
        notes=notes,
    )

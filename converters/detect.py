"""Recognises how a source is arranged, and says why."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from fastdata.converters.columns import find_image_column, tally_columns
from fastdata.converters.imagefolder import list_imagefolder, split_folders
from fastdata.converters.listing import Folder, list_folder
from fastdata.converters.options import ConvertOptions
from fastdata.converters.pairs import list_pairs, pair_folders
from fastdata.converters.paths import display
from fastdata.converters.rows import TABLE_SUFFIXES, read_columns, read_rows
from fastdata.converters.segmentation import list_segmentation, mask_folders
from fastdata.converters.series import ARRAY_SUFFIXES
from fastdata.converters.source import Source
from fastdata.converters.stems import match_stems
from fastdata.converters.table import list_table
from fastdata.converters.windows import list_windows
from fastdata.errors import InputError, LabelError, UnsafeFile, UsageError

__all__ = ["detect", "find_source"]

_LISTERS: dict[str, Callable[[Path, ConvertOptions], Source]] = {
    "imagefolder": list_imagefolder,
    "segmentation": list_segmentation,
    "pairs": list_pairs,
    "table": list_table,
    "windows": list_windows,
}
_LOOKED_FOR = (
    "imagefolder looks for images in class folders, in train/val/test or in the folder itself; "
    "segmentation for images/ with masks/, or a .txt list of image,mask lines; pairs for low/ with "
    "high/; table for one .csv, .tsv or .jsonl with a column of image paths; windows for a .csv, "
    ".npy or .npz and window=N (--window N)"
)
_LIST_SUFFIXES = (".txt", ".lst")
# Enough rows to see whether a column holds image paths.
_LOOK_ROWS = 200


def find_source(path: Path, options: ConvertOptions) -> tuple[Source, str]:
    """Lists the source by the layout that is asked for or found.

    Returns:
        What the layout found, and why that layout was taken.

    Raises:
        UsageError: There is nothing at `path`, or its layout cannot be told.
        InputError: Nothing was found in it.
    """
    _check_there(path)
    layout, reason = detect(path, options)
    options.check_layout(layout)
    at = path
    if layout in ("table", "windows") and path.is_dir():
        at = _one_table(path, layout, options)
    elif layout in ("imagefolder", "pairs") and not path.is_dir():
        raise UsageError(f"{display(path)}: is a file; the {layout} layout expects a folder")
    source = _LISTERS[layout](at, options)
    if not len(source.items):
        raise InputError(f"{display(path)}: nothing to convert was found; {_LOOKED_FOR}")
    return source, reason


def detect(path: Path, options: ConvertOptions) -> tuple[str, str]:
    """The layout of a source and the reason for it.

    Raises:
        InputError: Nothing is recognised; the message says what each layout looks for.
    """
    if options.layout != "auto":
        return options.layout, "as told"
    return _of_folder(path, options) if path.is_dir() else _of_file(path, options)


def _of_file(path: Path, options: ConvertOptions) -> tuple[str, str]:
    suffix = path.suffix.lower()
    if suffix in ARRAY_SUFFIXES:
        return "windows", f"{display(path.name)} is a {suffix} series"
    if suffix in _LIST_SUFFIXES:
        return "segmentation", f"{display(path.name)} is a list of image,mask lines"
    if suffix not in TABLE_SUFFIXES:
        raise InputError(f"{display(path)}: is no file that a layout reads; {_LOOKED_FOR}")
    image = _image_column(path, options)
    if options.window is not None:
        return "windows", f"{display(path.name)} is a table and a window length is given"
    if image is not None:
        return "table", f"column {display(image)!r} of {display(path.name)} holds image paths"
    raise InputError(
        f"{display(path)}: no column holds image paths; for windows over its rows give window=24 "
        "(--window 24), or name the image column with image_column (--image-column)"
    )


def _of_folder(path: Path, options: ConvertOptions) -> tuple[str, str]:
    if options.folders is not None:
        raise UsageError(
            "folders names the two folders of the segmentation or of the pairs layout; say which "
            "with layout (--layout)"
        )
    if options.window is not None:
        return "windows", "a window length is given"
    top = list_folder(path)
    splits = split_folders(top.folders)
    inner = list_folder(path / splits[0]) if splits else top
    under = f" under {', '.join(splits)}" if splits else ""
    if names := mask_folders(inner.folders, options):
        return "segmentation", f"found the folders {names[0]}/ and {names[1]}/{under}"
    names = pair_folders(inner.folders, options)
    if names and _are_pairs(inner, names):
        return "pairs", f"found the folders {names[0]}/ and {names[1]}/ with matching names{under}"
    if table := _table_in(top, options):
        return "table", f"found the table {display(table)} with a column of image paths"
    if splits and inner.folders:
        return "imagefolder", f"found class folders{under}"
    if splits:
        return "imagefolder", f"found images{under}, without class folders"
    if top.folders:
        return "imagefolder", f"found {len(top.folders)} class folder(s)"
    return "imagefolder", f"found {len(top.files)} file(s) and no class folder"


def _are_pairs(inner: Folder, names: tuple[str, str]) -> bool:
    """Whether two folders hold pairs; they might also be classes called "low" and "high"."""
    if len(inner.folders) != 2:
        return False
    low, high = (list_folder(inner.path / name).files for name in names)
    found, _ = match_stems(low, high, "partner")
    return 2 * sum(fault is None for _, fault in found) > len(low)


def _table_in(top: Folder, options: ConvertOptions) -> str | None:
    """The only table of a folder that lists images."""
    names = [name for name in top.files if name.lower().endswith(TABLE_SUFFIXES)]
    tables = [name for name in names if _image_column(top.path / name, options)]
    if len(tables) > 1:
        raise UsageError(
            f"{display(top.path)}: the tables {display(tables[0])} and {display(tables[1])} both "
            "list images; give the path of the one to convert, or a layout (--layout)"
        )
    return tables[0] if tables else None


def _image_column(path: Path, options: ConvertOptions) -> str | None:
    if options.image_column is not None:
        return options.image_column
    try:
        names = read_columns(path, options.delimiter)
    except LabelError:
        return None
    rows = islice(read_rows(path, names, options.delimiter), _LOOK_ROWS)
    return find_image_column(names, tally_columns(names, rows))


def _one_table(path: Path, layout: str, options: ConvertOptions) -> Path:
    top = list_folder(path)
    if layout == "table" and (found := _table_in(top, options)):
        return path / found
    wanted = (*TABLE_SUFFIXES, *ARRAY_SUFFIXES)
    tables = [name for name in top.files if name.lower().endswith(wanted)]
    if len(tables) != 1:
        raise UsageError(
            f"{display(path)}: holds {len(tables)} tables or series; give the path of the one to "
            "convert"
        )
    return path / tables[0]


def _check_there(path: Path) -> None:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{display(path)}: cannot be read ({getattr(error, 'strerror', None) or error}); give "
            "a folder, list or table that exists"
        ) from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UnsafeFile(f"{display(path)}: is neither a file nor a folder; expected one of them")

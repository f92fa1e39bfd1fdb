"""Lists folders in one order everywhere, following links no further than the source folder.

Every regular file counts as an input, whatever its name ends with: its content decides, and a file
that is no image is rejected with the reason instead of being passed over. Only what no user
put there is left out: hidden files and the droppings of operating systems.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fastdata.converters.paths import display, require_inside
from fastdata.errors import InputError, UnsafeFile

__all__ = ["Folder", "list_folder", "walk_files"]

_DROPPINGS = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "__macosx"})


class Folder:
    """The direct content of a folder: names sorted by code point.

    Attributes:
        path: The folder.
        files: Names of everything that is no folder; links count as what they lead to.
        folders: Names of folders.
    """

    def __init__(self, path: Path, files: list[str], folders: list[str]) -> None:
        self.path, self.files, self.folders = path, files, folders


def list_folder(path: Path) -> Folder:
    """Lists one folder, without entering its sub-folders.

    Raises:
        InputError: It cannot be listed.
    """
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower() in _DROPPINGS:
                    continue
                (folders if _leads_to_folder(entry) else files).append(entry.name)
    except OSError as error:
        raise InputError(
            f"{display(path)}: cannot be listed ({error.strerror}); expected a readable folder"
        ) from error
    return Folder(path, sorted(files), sorted(folders))


def walk_files(root: Path, below: str, *, allow_outside: bool) -> Iterator[str]:
    """Paths, relative to `root`, of all files in `below` and its sub-folders, sorted per folder.

    Args:
        root: A real path.
        below: Folder to walk, relative to `root`; "" is the root itself.
        allow_outside: Follow links to folders outside the root.

    Raises:
        UnsafeFile: A link leads to a folder outside the root, or to one that contains it.
        InputError: A folder cannot be listed.
    """
    yield from _walk(root, below, allow_outside, ())


def _walk(root: Path, below: str, allow_outside: bool, inside: tuple[str, ...]) -> Iterator[str]:
    real = os.path.realpath(root / below)
    if real in inside:
        raise UnsafeFile(
            f"{display(below)}: links back to {display(real)}, which contains it; remove the link"
        )
    if not allow_outside:
        require_inside(str(root), real, below)
    folder = list_folder(root / below)
    prefix = f"{below}/" if below else ""
    for name in folder.files:
        yield prefix + name
    for name in folder.folders:
        yield from _walk(root, prefix + name, allow_outside, (*inside, real))


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False

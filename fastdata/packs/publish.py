"""The last steps of writing a pack: make it durable, and give it its name in one step."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from pathlib import Path

from fastdata.errors import UsageError
from fastdata.packs.base import Backend
from fastdata.packs.lmdb_file import DATA, MANIFEST, OFFSETS
from fastdata.packs.partial import OLD, Partial

__all__ = ["check_replaceable", "publish", "recover", "sync_folder", "sync_tree"]

# Source: linux/fs.h and fcntl.h; glibc has renameat2 since 2.28.
AT_FDCWD = -100
RENAME_EXCHANGE = 2


def sync_tree(path: Path) -> None:
    """Make a file, or a folder and all files in it, durable, their names included.

    Raises:
        OSError: The system refused; a failed fsync must not be retried, since the kernel forgets
            the page.
    """
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            _sync(entry)
        sync_folder(path)
    else:
        _sync(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    _sync(path, os.O_DIRECTORY)


def publish(partial: Partial, built: Path, target: Path) -> None:
    """Move the built and durable pack to its name; at no moment is half a pack there.

    A pack of that name is kept in the partial folder until the new one's name is durable too. Who
    has it open keeps reading it.

    Args:
        partial: The folder in which it was built.
        built: The built pack, inside that folder.
        target: Its name.

    Raises:
        OSError: The system refused.
    """
    old = partial.file(OLD)
    if not os.path.lexists(target):
        os.rename(built, target)
    elif not built.is_dir():
        os.replace(built, target)
    elif _exchange(built, target):
        os.rename(built, old)
    else:
        os.rename(target, old)
        os.rename(built, target)
    sync_folder(target.parent)


def check_replaceable(target: Path, backend: Backend) -> None:
    """Refuse to put a pack in the place of anything but a pack, since what it replaces is deleted.

    Raises:
        UsageError: Something else has the name.
    """
    if backend == "lmdb":
        known = {DATA, MANIFEST, OFFSETS, "lock.mdb"}
        fits = target.is_dir() and DATA in (found := set(os.listdir(target))) and found <= known
    else:
        fits = target.is_file()
    if not fits:
        raise UsageError(
            f"{target} is no {backend} pack, so it is not replaced; remove it yourself, or choose "
            "another name"
        )


def recover(partial: Partial, target: Path) -> None:
    """Undo what a writer killed between the two renames of `publish` left; harmless otherwise."""
    old = partial.file(OLD)
    if old.exists() and not os.path.lexists(target):
        os.rename(old, target)
    shutil.rmtree(partial.file("build"), ignore_errors=True)


def _sync(path: Path, flags: int = 0) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step; False where the system or the file system cannot."""
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        return False
    names = os.fsencode(one), os.fsencode(other)
    if library.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(other))

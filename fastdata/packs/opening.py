"""Opens a pack of either backend without its library: checks first, the map last."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import get_args

from fastdata.errors import PackError, PackIncomplete, StorageError, UsageError
from fastdata.packs.hdf5_file import open_hdf5
from fastdata.packs.lmdb_file import open_lmdb
from fastdata.packs.mapping import DataFile, open_regular
from fastdata.packs.opened import Opened
from fastdata.packs.pack import Pack, Verify

__all__ = ["open_pack", "partial_of"]

PARTIAL = ".partial"
# A pack can be replaced between two steps of opening it; more often than this in a row is no
# accident.
ATTEMPTS = 20


def partial_of(path: Path) -> Path:
    """The folder in which a pack of this name is built."""
    return path.with_name(path.name + PARTIAL)


def open_pack(path: str | os.PathLike[str], *, verify: Verify = "first") -> Pack:
    """Open a finished pack for reading.

    The sizes, the manifest's checksum, those of all columns and indices, and all record offsets are
    checked before a record is read, so that a damaged or truncated pack is an exception here and
    never a signal later. What the file *is* decides the backend, not its name.

    Args:
        path: A folder written as ``NAME.lmdb``, or a file written as ``NAME.h5``.
        verify: "first" compares a record's CRC32C at its first read in this process; "always" at
            every read, which costs about 0.15 ms for each megabyte.

    Raises:
        PackIncomplete: Its writer was interrupted.
        PackCorrupt: Its bytes differ from what was written.
        PackVersion: It is something else, or of another version.
        StorageError: There is none, or the system refused to read it.
        UsageError: `verify` is neither of the two.
    """
    if verify not in get_args(Verify):
        raise UsageError(f"verify={verify!r}; expected one of {get_args(Verify)}")
    target = Path(os.path.abspath(path))
    for _ in range(ATTEMPTS):
        opened = _open_once(target)
        if opened is not None:
            return Pack(target, opened, verify=verify, reopen=_reopen)
    raise StorageError(
        f"{target} was replaced {ATTEMPTS} times while it was being opened; try again"
    )


def _reopen(path: Path, verify: Verify, identity: str) -> Pack:
    """What an unpickled pack calls.

    Raises:
        PackError: Another pack has taken its name.
    """
    pack = open_pack(path, verify=verify)
    if pack.info.id != identity:
        raise PackError(
            f"{path} was replaced by another pack (id {pack.info.id}, expected {identity}) while "
            "it was in use; open it again"
        )
    return pack


def _open_once(path: Path) -> Opened | None:
    """The opened pack, or None when it was replaced meanwhile."""
    _check_finished(path)
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            return open_lmdb(path)
        data = DataFile(open_regular(str(path), path), path)
    except FileNotFoundError:
        if path.exists():
            return None
        raise _missing(path) from None
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"cannot open {path}: {error.strerror}", error.errno) from error
    try:
        return open_hdf5(path, data)
    finally:
        data.close()


def _check_finished(path: Path) -> None:
    if path.name.endswith(PARTIAL) and (path / "journal").exists():
        raise _incomplete(path.with_name(path.name.removesuffix(PARTIAL)))


def _missing(path: Path) -> PackIncomplete | StorageError:
    if partial_of(path).exists():
        return _incomplete(path)
    return StorageError(f"there is no pack at {path}; check the path", errno.ENOENT)


def _incomplete(path: Path) -> PackIncomplete:
    return PackIncomplete(
        f"{path} is not finished: only {partial_of(path).name} is there; run the command that "
        f"writes it "
        "again with --resume (in Python: resume=True), or delete that folder"
    )

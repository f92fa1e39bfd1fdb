"""Where a conversion writes its pack: what stands against it, and how large it became."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from fastdata.converters.options import ConvertOptions
from fastdata.converters.paths import display
from fastdata.errors import UsageError
from fastdata.packs import partial_of
from fastdata.packs.partial import Partial
from fastdata.packs.writer import SUFFIXES

__all__ = ["check_output", "network_notes", "size_bytes"]

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "fuse.sshfs"})


def check_output(source: Path, out: Path, options: ConvertOptions) -> None:
    """Refuses what cannot be written, before anything is read.

    Raises:
        UsageError: The name has no known suffix, the pack exists, or it lies inside its source.
        PackBusy: Another process is writing it.
        StorageError: Its folder cannot be written.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{display(out)}: ends with {display(out.suffix)!r}; expected .lmdb for an LMDB pack, "
            ".h5 or .hdf5 for an HDF5 pack"
        )
    if os.path.lexists(out) and not (options.overwrite or options.resume):
        raise UsageError(
            f"{display(out)}: exists; give overwrite=True (--overwrite) to replace it, or "
            "another name"
        )
    root = Path(os.path.realpath(source))
    if root.is_dir() and root in (out.resolve(), *out.resolve().parents):
        raise UsageError(
            f"{display(out)}: lies inside its source {display(source)}; choose a place outside it"
        )
    folder = partial_of(out)
    there = folder.exists()
    partial = Partial(folder)
    if there:
        partial.release()
    else:
        partial.remove()


def network_notes(out: Path) -> tuple[str, ...]:
    """A warning when an LMDB pack lies on a network file system, for which LMDB is not made."""
    if out.suffix.lower() != ".lmdb":
        return ()
    mounts = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    home = next((folder for folder in out.parents if folder in mounts), None)
    if home is None or mounts[home] not in _NETWORK:
        return ()
    return (
        f"{display(out)} lies on {mounts[home]}: LMDB may be written by one machine only there; "
        "read it freely, but write to a local disk and copy, or use .h5",
    )


def size_bytes(out: Path) -> int:
    """Bytes of a pack, be it a file or a folder."""
    files = out.iterdir() if out.is_dir() else (out,)
    return sum(file.stat().st_size for file in files)

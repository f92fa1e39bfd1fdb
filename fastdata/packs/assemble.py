"""Puts a checked data file, its manifest and its layout together into an `Opened`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.errors import PackCorrupt
from fastdata.packs.layout import Layout, expected_offsets
from fastdata.packs.manifest import Manifest
from fastdata.packs.mapping import DataFile
from fastdata.packs.opened import Opened

__all__ = ["Resolved", "assemble", "assemble_resolved"]


@dataclass(frozen=True)
class Resolved:
    """What a library in a child process said about a file that another tool has rewritten.

    Attributes:
        manifest: The manifest stored inside.
        arrays: Byte offset of every array.
        bases: Byte from which each field's offsets count.
        offsets: Record and block offsets ("offset/NAME"), int64, where the file itself holds none.
    """

    manifest: Manifest
    arrays: Mapping[str, int]
    bases: Mapping[str, int]
    offsets: Mapping[str, NDArray[Any]]


def assemble(
    data: DataFile, manifest: Manifest, layout: Layout, offsets: DataFile | None, *, whole_from: int
) -> Opened:
    """Check size and arrays of an untouched pack, then map it.

    Args:
        data: Its data file.
        manifest: Its manifest.
        layout: Its layout.
        offsets: The file of record offsets, for LMDB.
        whole_from: The byte from which `Layout.file_crc32c` counts.

    Raises:
        PackCorrupt: Something differs from what was written.
    """
    if data.nbytes != layout.file_bytes:
        raise PackCorrupt(
            f"{data.shown} has {data.nbytes} bytes, the manifest says {layout.file_bytes}; "
            f"restore it "
            "from a copy or convert again"
        )
    _check_offsets(manifest, layout)
    if offsets is not None:
        for name, (spec, start) in layout.offsets.items():
            offsets.check_array(name, spec, start)
    arrays = _arrays(data, manifest, layout.arrays)
    if offsets is not None:
        offsets.map()
        arrays |= {name: offsets.array(*entry) for name, entry in layout.offsets.items()}
    return Opened(data, manifest, arrays, layout.bases, (whole_from, layout.file_crc32c))


def assemble_resolved(data: DataFile, path: Path, resolved: Resolved) -> Opened:
    """Check the arrays of a rewritten pack, then map it.

    Raises:
        PackCorrupt: Something differs from what was written.
    """
    for name, count in expected_offsets(resolved.manifest).items():
        if len(resolved.offsets.get(name, ())) != count:
            raise PackCorrupt(f"{name} of {path} was not resolved; convert again")
    arrays = _arrays(data, resolved.manifest, resolved.arrays)
    return Opened(data, resolved.manifest, arrays | dict(resolved.offsets), resolved.bases, None)


def _arrays(
    data: DataFile, manifest: Manifest, places: Mapping[str, int]
) -> dict[str, NDArray[Any]]:
    for name, spec in manifest.arrays.items():
        if name not in places:
            raise PackCorrupt(f"{name} of {data.shown} has no place in its layout; convert again")
        data.check_array(name, spec, places[name])
    data.map()
    return {name: data.array(spec, places[name]) for name, spec in manifest.arrays.items()}


def _check_offsets(manifest: Manifest, layout: Layout) -> None:
    for name, count in expected_offsets(manifest).items():
        spec = layout.offsets[name][0] if name in layout.offsets else None
        if spec is None or spec.shape != (count,) or np.dtype(spec.dtype) != np.dtype("<i8"):
            raise PackCorrupt(f"{name} is not in the layout as it should be; convert again")

"""All parts of a finished pack, mapped from the staging files or computed from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.packs.arrayspec import ArraySpec
from fastdata.packs.base import Backend, Bytes
from fastdata.packs.checksum import crc_of_array, crc_of_bytes
from fastdata.packs.fields import CHUNK_BYTES
from fastdata.packs.manifest import KEY_FIELD, Manifest
from fastdata.packs.passes import Passes
from fastdata.packs.staging import Staging

__all__ = ["Contents", "gather_contents"]


@dataclass(frozen=True)
class Contents:
    """All parts of a pack, mapped from the staging files or computed from them.

    Attributes:
        manifest: Its manifest, with the spec of every array.
        arrays: Every array that the manifest names.
        records: For fields stored as records (``__key__`` among them), all their bytes, end to end.
        starts: For the same fields, where each record starts in them, (N,) int64.
        rows: For fields stored as rows, all their bytes.
        block_rows: For the same fields, rows in one block.
        series: For window fields, all bytes of their series.
    """

    manifest: Manifest
    arrays: dict[str, NDArray[Any]]
    records: dict[str, Bytes]
    starts: dict[str, NDArray[np.int64]]
    rows: dict[str, Bytes]
    block_rows: dict[str, int]
    series: dict[str, Bytes]

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        groups = (self.arrays, self.records, self.rows, self.series)
        return sum(part.nbytes for group in groups for part in group.values())

    def record(self, name: str, index: int) -> Bytes:
        """The bytes of one record."""
        start = int(self.starts[name][index])
        return self.records[name][start : start + int(self.arrays[f"index/{name}/length"][index])]

    def block_bytes(self, name: str) -> int:
        """Bytes of a full block of rows."""
        count = self.manifest.count
        row_bytes = len(self.rows[name]) // count if count else 0
        return row_bytes * self.block_rows[name]


def gather_contents(staging: Staging, backend: Backend, passes: Passes) -> Contents:
    """Collect the parts of a pack after the last checkpoint."""
    parts = Contents(_manifest(staging, backend), {}, {}, {}, {}, {}, {})
    for name, field in staging.schema.items():
        if field.storage == "records":
            _add_records(parts, staging, name)
            if field.spatial:
                parts.arrays[f"index/{name}/size"] = staging.index(name)["size"]
        elif field.storage == "rows":
            _add_rows(parts, staging, name, passes)
        else:
            _add_column(parts, staging, name, passes)
    if parts.manifest.has_keys:
        _add_records(parts, staging, KEY_FIELD)
    specs = {
        name: ArraySpec(array.dtype.str, array.shape, crc_of_array(array))
        for name, array in parts.arrays.items()
    }
    data_bytes = sum(
        len(data)
        for group in (parts.records, parts.rows, parts.series)
        for name, data in group.items()
        if name != KEY_FIELD
    )
    data_bytes += sum(array.nbytes for name, array in parts.arrays.items() if "column/" in name)
    manifest = replace(
        parts.manifest, arrays=specs, data_bytes=data_bytes, block_rows=parts.block_rows
    )
    return replace(parts, manifest=manifest)


def _manifest(staging: Staging, backend: Backend) -> Manifest:
    header = staging.journal.header or {}
    return Manifest(
        backend=backend,
        id=staging.id,
        count=staging.packed,
        schema=staging.schema,
        has_keys=bool(len(staging.data(KEY_FIELD))),
        data_bytes=0,
        source=header["source"],
        options=header["options"],
        rejects=staging.rejects(),
        created_by=f"fastdata {metadata.version('fastdata')}",
        series_rows={name: rows for name, (rows, _) in staging.series.items()},
    )


def _add_records(parts: Contents, staging: Staging, name: str) -> None:
    index = staging.index(name)
    starts = np.zeros(len(index), np.int64)
    np.cumsum(index["length"][:-1], out=starts[1:])
    parts.records[name] = staging.data(name)
    parts.starts[name] = starts
    parts.arrays[f"index/{name}/length"] = np.ascontiguousarray(index["length"])
    parts.arrays[f"index/{name}/crc32c"] = np.ascontiguousarray(index["crc32c"])
    if parts.manifest.backend == "hdf5":
        parts.arrays[f"offset/{name}"] = starts


def _add_rows(parts: Contents, staging: Staging, name: str, passes: Passes) -> None:
    data, count = staging.data(name), staging.packed
    row_bytes = len(data) // count if count else 1
    block_rows = max(1, CHUNK_BYTES // row_bytes)
    parts.rows[name] = data
    parts.block_rows[name] = block_rows
    parts.arrays[f"index/{name}/crc32c"] = _crcs(data, block_rows * row_bytes, passes)


def _add_column(parts: Contents, staging: Staging, name: str, passes: Passes) -> None:
    field = staging.schema[name]
    if field.storage == "series":
        parts.series[name] = staging.series_bytes(name)
        parts.arrays[f"column/{name}"] = staging.data(name).view("<i8")
        parts.arrays[f"index/{name}/crc32c"] = _crcs(parts.series[name], CHUNK_BYTES, passes)
        return
    shape = (staging.packed, *(field.item_shape or ()))
    parts.arrays[f"column/{name}"] = staging.data(name).view(field.item_dtype).reshape(shape)


def _crcs(data: Bytes, step: int, passes: Passes) -> NDArray[Any]:
    passes.expect(len(data))
    found = np.empty(-(-len(data) // step), "<u4")
    for number, start in enumerate(range(0, len(data), step)):
        found[number] = crc_of_bytes(data[start : start + step])
        passes.add(step)
    return found

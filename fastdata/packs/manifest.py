"""The manifest: what a pack holds and the checksums of its arrays, and where they lie in the file.

A pack keeps two documents. The *manifest* says what was written and never changes; it lies inside
the LMDB environment (key ``manifest``) or the HDF5 file (dataset ``/manifest``). The *layout* says
at which byte each part lies in this very file; it goes stale when a tool rewrites the file, and is
then resolved anew through the library. `seal` puts both into one JSON document with a checksum of
its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np

from fastdata.errors import PackCorrupt, PackVersion, UsageError
from fastdata.packs.arrayspec import ArraySpec, natural, spec_from_json
from fastdata.packs.base import Backend, PackInfo
from fastdata.packs.fields import CHUNK_BYTES
from fastdata.packs.sealing import FORMAT_VERSION, MAGIC, check_version
from fastdata.packs.storable import check_storable
from fastdata.schema import Schema, Window

__all__ = ["KEY_FIELD", "Manifest", "expected_arrays"]

KEY_FIELD = "__key__"


@dataclass(frozen=True)
class Manifest:
    """What was written, independent of where in the file it lies.

    Attributes:
        backend: "lmdb" or "hdf5".
        id: See `PackInfo`.
        count: Number of samples.
        schema: Their fields.
        has_keys: Whether source names are stored, as records of the field ``__key__``.
        data_bytes: Bytes of all stored values.
        source: See `PackInfo`.
        options: See `PackInfo`.
        rejects: See `PackInfo`.
        created_by: See `PackInfo`.
        arrays: Columns ("column/NAME"), indices ("index/NAME/length", "/crc32c", "/size") and, in
            HDF5, record offsets ("offset/NAME").
        block_rows: For fields stored as rows, rows in one checksummed block.
        series_rows: For windows, rows of the series.
    """

    backend: Backend
    id: str
    count: int
    schema: Schema
    has_keys: bool
    data_bytes: int
    source: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    rejects: tuple[tuple[str, str], ...] = ()
    created_by: str = ""
    arrays: Mapping[str, ArraySpec] = field(default_factory=dict)
    block_rows: Mapping[str, int] = field(default_factory=dict)
    series_rows: Mapping[str, int] = field(default_factory=dict)

    def info(self, path: Path) -> PackInfo:
        """The facts that users see."""
        return PackInfo(
            path=path,
            backend=self.backend,
            format_version=FORMAT_VERSION,
            count=self.count,
            id=self.id,
            data_bytes=self.data_bytes,
            source=self.source,
            options=self.options,
            rejects=self.rejects,
            created_by=self.created_by,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, the inverse of `from_json`."""
        return {
            "format": MAGIC,
            "version": FORMAT_VERSION,
            "backend": self.backend,
            "id": self.id,
            "count": self.count,
            "schema": self.schema.to_json(),
            "has_keys": self.has_keys,
            "data_bytes": self.data_bytes,
            "source": self.source,
            "options": self.options,
            "rejects": [list(entry) for entry in self.rejects],
            "created_by": self.created_by,
            "arrays": {name: asdict(spec) for name, spec in self.arrays.items()},
            "block_rows": dict(self.block_rows),
            "series_rows": dict(self.series_rows),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], where: str) -> Manifest:
        """The manifest that `to_json` described.

        Raises:
            PackVersion: It was written by another version of the format.
            PackCorrupt: It contradicts itself.
        """
        check_version(data, where)
        try:
            manifest = cls(
                backend=data["backend"],
                id=str(data["id"]),
                count=natural(data["count"]),
                schema=Schema.from_json(data["schema"]),
                has_keys=bool(data["has_keys"]),
                data_bytes=natural(data["data_bytes"]),
                source=str(data["source"]),
                options=dict(data["options"]),
                rejects=tuple((str(key), str(reason)) for key, reason in data["rejects"]),
                created_by=str(data["created_by"]),
                arrays={name: spec_from_json(entry) for name, entry in data["arrays"].items()},
                block_rows={name: natural(rows) for name, rows in data["block_rows"].items()},
                series_rows={name: natural(rows) for name, rows in data["series_rows"].items()},
            )
            check_storable(manifest.schema)
            manifest._check()
        except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
            if isinstance(error, PackVersion):
                raise
            raise PackCorrupt(
                f"the manifest of {where} contradicts itself ({error!r}); convert again"
            ) from error
        return manifest

    def _check(self) -> None:
        if self.backend not in get_args(Backend):
            raise ValueError(f"backend {self.backend!r}")
        for name, expected in expected_arrays(self).items():
            spec = self.arrays[name]
            if (np.dtype(spec.dtype), spec.shape) != expected:
                raise ValueError(f"array {name!r} is {spec.dtype} {spec.shape}")


def expected_arrays(manifest: Manifest) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Type and shape of every array that a manifest's schema and count call for."""
    count, expected = manifest.count, {}
    unsigned, signed = np.dtype("<u4"), np.dtype("<i4")
    for name, spec in manifest.schema.items():
        if spec.storage == "column":
            expected[f"column/{name}"] = (spec.item_dtype, (count, *(spec.item_shape or ())))
        elif spec.storage == "rows":
            blocks = -(-count // max(1, manifest.block_rows[name]))
            expected[f"index/{name}/crc32c"] = (unsigned, (blocks,))
        elif isinstance(spec, Window):
            nbytes = manifest.series_rows[name] * spec.item_dtype.itemsize * spec.item_shape[1]
            expected[f"column/{name}"] = (np.dtype("<i8"), (count,))
            expected[f"index/{name}/crc32c"] = (unsigned, (-(-nbytes // CHUNK_BYTES),))
    records = [name for name, spec in manifest.schema.items() if spec.storage == "records"]
    for name in records + [KEY_FIELD] * manifest.has_keys:
        expected[f"index/{name}/length"] = (unsigned, (count,))
        expected[f"index/{name}/crc32c"] = (unsigned, (count,))
        if name != KEY_FIELD and manifest.schema[name].spatial:
            expected[f"index/{name}/size"] = (signed, (count, 2))
        if manifest.backend == "hdf5":
            expected[f"offset/{name}"] = (np.dtype("<i8"), (count,))
    return expected

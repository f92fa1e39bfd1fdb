"""The manifest: what a pack holds and the checksums of its arrays, and where they lie in the file.

A pack keeps two documents. The *manifest* says what was written and never changes; it lies inside
the LMDB environment (key ``manifest``) or the HDF5 file (dataset ``/manifest``). The *layout* says
at which byte each part lies in this very file; it goes stale when a tool rewrites the file, and is
then resolved anew through the library. `seal` puts both into one JSON document with a checksum of
its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np

from fastdata.errors import PackCorrupt, PackVersion, UsageError
from fastdata.packs.base import Backend, PackInfo
from fastdata.packs.checksum import crc_of_bytes
from fastdata.packs.storable import check_storable
from fastdata.schema import Schema

__all__ = [
    "FORMAT_VERSION",
    "KEY_FIELD",
    "MAX_BYTES",
    "ArraySpec",
    "Layout",
    "Manifest",
    "expected_arrays",
    "expected_offsets",
    "seal",
    "unseal",
]

FORMAT_VERSION = 1
MAGIC = "fastdata pack"
KEY_FIELD = "__key__"
# A manifest with a million rejects takes about 100 MB; anything larger is no manifest.
MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class ArraySpec:
    """An array for the whole pack: a column or an index.

    Attributes:
        dtype: NumPy type string, little-endian.
        shape: Its shape.
        crc32c: CRC32C of its bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    crc32c: int

    @property
    def nbytes(self) -> int:
        """Bytes it takes."""
        size = np.dtype(self.dtype).itemsize
        for length in self.shape:
            size *= length
        return size


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
                count=_natural(data["count"]),
                schema=Schema.from_json(data["schema"]),
                has_keys=bool(data["has_keys"]),
                data_bytes=_natural(data["data_bytes"]),
                source=str(data["source"]),
                options=dict(data["options"]),
                rejects=tuple((str(key), str(reason)) for key, reason in data["rejects"]),
                created_by=str(data["created_by"]),
                arrays={name: _spec(entry) for name, entry in data["arrays"].items()},
                block_rows={name: _natural(rows) for name, rows in data["block_rows"].items()},
                series_rows={name: _natural(rows) for name, rows in data["series_rows"].items()},
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


@dataclass(frozen=True)
class Layout:
    """Where things lie in one data file, and how to tell that it is still the same file.

    Attributes:
        file_bytes: Its exact size.
        head_crc32c: CRC32C of its first bytes, which any tool that rewrites it changes.
        file_crc32c: CRC32C of the whole of it, which only `Pack.verify` checks.
        arrays: Byte offset of every array of the manifest.
        bases: For each field stored as records, rows or series, the byte from which its offsets
            count.
        offsets: Record or block offsets ("offset/NAME") that lie in offsets.bin, each with its spec
            and byte offset there.
    """

    file_bytes: int
    head_crc32c: int
    file_crc32c: int
    arrays: Mapping[str, int]
    bases: Mapping[str, int]
    offsets: Mapping[str, tuple[ArraySpec, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, the inverse of `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any], where: str) -> Layout:
        """The layout that `to_json` described.

        Raises:
            PackCorrupt: It is malformed.
        """
        try:
            return cls(
                file_bytes=_natural(data["file_bytes"]),
                head_crc32c=_natural(data["head_crc32c"]),
                file_crc32c=_natural(data["file_crc32c"]),
                arrays={name: _natural(at) for name, at in data["arrays"].items()},
                bases={name: _natural(at) for name, at in data["bases"].items()},
                offsets={
                    name: (_spec(spec), _natural(at))
                    for name, (spec, at) in data["offsets"].items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PackCorrupt(
                f"the layout of {where} is malformed ({error!r}); convert again"
            ) from error


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
        elif spec.storage == "series":
            expected[f"column/{name}"] = (np.dtype("<i8"), (count,))
    records = [name for name, spec in manifest.schema.items() if spec.storage == "records"]
    for name in records + [KEY_FIELD] * manifest.has_keys:
        expected[f"index/{name}/length"] = (unsigned, (count,))
        expected[f"index/{name}/crc32c"] = (unsigned, (count,))
        if name != KEY_FIELD and manifest.schema[name].spatial:
            expected[f"index/{name}/size"] = (signed, (count, 2))
        if manifest.backend == "hdf5":
            expected[f"offset/{name}"] = (np.dtype("<i8"), (count,))
    return expected


def expected_offsets(manifest: Manifest) -> dict[str, int]:
    """Name and length of the absolute offset arrays that an LMDB pack keeps beside its file."""
    if manifest.backend != "lmdb":
        return {}
    lengths = {}
    for name, spec in manifest.schema.items():
        if spec.storage == "records":
            lengths[f"offset/{name}"] = manifest.count
        elif spec.storage == "rows":
            lengths[f"offset/{name}"] = manifest.arrays[f"index/{name}/crc32c"].shape[0]
    return lengths | ({f"offset/{KEY_FIELD}": manifest.count} if manifest.has_keys else {})


def check_version(data: dict[str, Any], where: str) -> None:
    """Refuse a document of another format or version.

    Raises:
        PackVersion: It is one.
    """
    if data.get("format") != MAGIC:
        raise PackVersion(f"{where} holds no fastdata manifest; expected a pack made by fastdata")
    if data.get("version") != FORMAT_VERSION:
        raise PackVersion(
            f"pack version {data.get('version')!r} in {where}; this fastdata reads version "
            f"{FORMAT_VERSION}; run 'fastdata convert' again"
        )


def seal(document: dict[str, Any]) -> bytes:
    """A document as UTF-8 JSON that carries its own CRC32C."""
    return json.dumps(document | {"crc32c": _crc(document)}, indent=1).encode()


def unseal(data: bytes, where: str) -> dict[str, Any]:
    """The document that `seal` wrote.

    Raises:
        PackCorrupt: It is no JSON object, or its checksum does not fit.
        PackVersion: It says that it is of another version.
    """
    try:
        document = json.loads(data)
        found = document.pop("crc32c")
        expected = _crc(document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PackCorrupt(
            f"the manifest of {where} cannot be read ({type(error).__name__}: {error}); "
            "restore it from a copy or convert again"
        ) from error
    if found != expected:
        check_version(document.get("manifest", document), where)
        raise PackCorrupt(
            f"the manifest of {where} has CRC32C {expected:#010x}, it says {found!r}; "
            "restore it from a copy or convert again"
        )
    return dict(document)


def _crc(document: dict[str, Any]) -> int:
    return crc_of_bytes(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def _natural(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise ValueError(f"{value!r} is no natural number")
    return value


def _spec(entry: dict[str, Any]) -> ArraySpec:
    shape = tuple(_natural(length) for length in entry["shape"])
    dtype = np.dtype(str(entry["dtype"]))
    if dtype.kind not in "biuf":
        raise ValueError(f"type {dtype}")
    return ArraySpec(dtype.str, shape, _natural(entry["crc32c"]))

"""Where the parts of a pack lie in its file, which goes stale when a tool rewrites the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fastdata.errors import PackCorrupt
from fastdata.packs.arrayspec import ArraySpec, natural, spec_from_json
from fastdata.packs.manifest import KEY_FIELD, Manifest

__all__ = ["Layout", "expected_offsets"]


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
                file_bytes=natural(data["file_bytes"]),
                head_crc32c=natural(data["head_crc32c"]),
                file_crc32c=natural(data["file_crc32c"]),
                arrays={name: natural(at) for name, at in data["arrays"].items()},
                bases={name: natural(at) for name, at in data["bases"].items()},
                offsets={
                    name: (spec_from_json(spec), natural(at))
                    for name, (spec, at) in data["offsets"].items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PackCorrupt(
                f"the layout of {where} is malformed ({error!r}); convert again"
            ) from error


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

"""JSON documents that carry their own checksum and say which version of the format they are."""

from __future__ import annotations

import json
from typing import Any

from fastdata.errors import PackCorrupt, PackVersion
from fastdata.packs.checksum import crc_of_bytes

__all__ = ["FORMAT_VERSION", "MAGIC", "MAX_BYTES", "check_version", "seal", "unseal"]

FORMAT_VERSION = 1
MAGIC = "fastdata pack"
# A manifest with a million rejects takes about 100 MB; anything larger is no manifest.
MAX_BYTES = 1 << 30


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

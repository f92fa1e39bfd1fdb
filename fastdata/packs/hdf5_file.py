"""Opens an HDF5 pack without h5py: its first 512 bytes say where the manifest lies."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path

from fastdata.errors import PackCorrupt, PackVersion
from fastdata.packs.assemble import assemble, assemble_resolved
from fastdata.packs.checksum import crc_of_bytes
from fastdata.packs.layout import Layout
from fastdata.packs.manifest import Manifest
from fastdata.packs.mapping import DataFile
from fastdata.packs.opened import Opened
from fastdata.packs.resolve import resolve
from fastdata.packs.sealing import FORMAT_VERSION, MAX_BYTES, unseal

__all__ = ["HEAD_BYTES", "USERBLOCK_BYTES", "UserBlock", "open_hdf5"]

USERBLOCK_BYTES = 512
# The superblock and the root group, which every tool that rewrites the file changes.
HEAD_BYTES = 1024
MAGIC = b"fastdata-hdf5\r\n\x1a"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
FIELDS = struct.Struct("<16sIIQQQQ")


@dataclass(frozen=True)
class UserBlock:
    """What precedes the HDF5 part of a pack; HDF5 leaves these bytes to the application.

    Attributes:
        manifest_start: Byte at which the dataset ``/manifest`` begins.
        manifest_bytes: Its length.
        file_bytes: Exact size of the file.
        head_crc32c: CRC32C of bytes 512..1024.
        file_crc32c: CRC32C of all bytes from 512.
    """

    manifest_start: int
    manifest_bytes: int
    file_bytes: int
    head_crc32c: int
    file_crc32c: int

    def pack(self) -> bytes:
        """The 512 bytes."""
        body = FIELDS.pack(
            MAGIC,
            FORMAT_VERSION,
            self.head_crc32c,
            self.file_crc32c,
            self.manifest_start,
            self.manifest_bytes,
            self.file_bytes,
        )
        return (body + crc_of_bytes(body).to_bytes(4, "little")).ljust(USERBLOCK_BYTES, b"\0")

    @classmethod
    def unpack(cls, block: bytes, where: Path) -> UserBlock | None:
        """The user block, or None when these bytes are none.

        Raises:
            PackVersion: It is of another version.
            PackCorrupt: Its checksum does not fit.
        """
        if block[: len(MAGIC)] != MAGIC or len(block) < FIELDS.size + 4:
            return None
        body, crc = block[: FIELDS.size], block[FIELDS.size : FIELDS.size + 4]
        _, version, head, file, start, length, nbytes = FIELDS.unpack(body)
        if version != FORMAT_VERSION:
            raise PackVersion(
                f"pack version {version} in {where}; this fastdata reads version {FORMAT_VERSION}; "
                "run 'fastdata convert' again"
            )
        if crc_of_bytes(body) != int.from_bytes(crc, "little"):
            raise PackCorrupt(
                f"the first {USERBLOCK_BYTES} bytes of {where} fail their checksum; restore it "
                f"from a "
                "copy or convert again"
            )
        return cls(start, length, nbytes, head, file)


def open_hdf5(path: Path, data: DataFile) -> Opened:
    """The pack in this file.

    Raises:
        PackError: It is damaged, or no pack.
        StorageError: The system refused to read it.
    """
    block = UserBlock.unpack(data.head(USERBLOCK_BYTES), path)
    if block is None:
        _require_hdf5(path, data)
        return assemble_resolved(data, path, resolve(path, "hdf5", data.nbytes))
    if data.nbytes < USERBLOCK_BYTES + HEAD_BYTES // 2:
        raise PackCorrupt(f"{path} has only {data.nbytes} bytes; restore it from a copy")
    if data.crc(USERBLOCK_BYTES, HEAD_BYTES) != block.head_crc32c:
        return assemble_resolved(data, path, resolve(path, "hdf5", data.nbytes))
    stop = block.manifest_start + block.manifest_bytes
    if block.manifest_bytes > MAX_BYTES:
        raise PackCorrupt(f"the manifest of {path} has {block.manifest_bytes} bytes; convert again")
    document = unseal(data.read(block.manifest_start, stop), str(path))
    manifest = Manifest.from_json(document.get("manifest", {}), str(path))
    layout = replace(
        Layout.from_json(document.get("layout", {}), str(path)),
        file_bytes=block.file_bytes,
        head_crc32c=block.head_crc32c,
        file_crc32c=block.file_crc32c,
    )
    return assemble(data, manifest, layout, None, whole_from=USERBLOCK_BYTES)


def _require_hdf5(path: Path, data: DataFile) -> None:
    """Refuse what h5py could not open either; its signature may stand at 0, 512, 1024, 2048 ..."""
    at = 0
    while at + len(SIGNATURE) <= data.nbytes:
        if data.read(at, at + len(SIGNATURE)) == SIGNATURE:
            return
        at = at * 2 or USERBLOCK_BYTES
    raise PackVersion(
        f"{path} looks like {data.describe()}; expected a pack made by fastdata (a folder "
        f"NAME.lmdb or "
        "a file NAME.h5)"
    )

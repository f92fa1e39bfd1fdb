"""Opens an LMDB pack without lmdb: the meta pages give its true size, manifest.json the rest."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from fastdata.errors import PackCorrupt, PackVersion
from fastdata.packs.assemble import assemble, assemble_resolved
from fastdata.packs.layout import Layout
from fastdata.packs.manifest import Manifest
from fastdata.packs.mapping import DataFile, open_regular, read_whole
from fastdata.packs.opened import Opened
from fastdata.packs.resolve import resolve
from fastdata.packs.sealing import MAX_BYTES, unseal

__all__ = ["DATA", "HEAD_BYTES", "MANIFEST", "OFFSETS", "open_lmdb"]

DATA, MANIFEST, OFFSETS = "data.mdb", "manifest.json", "offsets.bin"
# Both meta pages: every commit, and every copy by a tool, rewrites one of them.
HEAD_BYTES = 8192
# Of a meta page: page header, then magic, version, address, map size, two tree records, last page
# and transaction. Source: struct MDB_page and MDB_meta of lmdb's mdb.c (LMDB 0.9).
META = struct.Struct("<16xII8x8xI44x48xQQ")
LMDB_MAGIC = 0xBEEFC0DE


def open_lmdb(path: Path) -> Opened | None:
    """The pack in this folder, or None when the folder was replaced by another meanwhile.

    Raises:
        PackError: It is damaged, or no pack.
        StorageError: The system refused to read it.
    """
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        opened = _open_in(path, folder)
    except (FileNotFoundError, PackCorrupt, PackVersion) as error:
        if not _is_still(path, folder):
            return None
        if isinstance(error, FileNotFoundError):
            raise PackVersion(
                f"{path} is a folder without {error.filename}; expected a pack made by fastdata"
            ) from error
        raise
    finally:
        os.close(folder)
    return opened


def _open_in(path: Path, folder: int) -> Opened:
    data = DataFile(open_regular(DATA, path / DATA, folder), path / DATA)
    try:
        _check_size(data)
        try:
            descriptor = open_regular(MANIFEST, path / MANIFEST, folder)
        except FileNotFoundError:
            return assemble_resolved(data, path, resolve(path, "lmdb", data.nbytes))
        document = _read_document(descriptor, path)
        manifest = Manifest.from_json(document["manifest"], str(path))
        layout = Layout.from_json(document["layout"], str(path))
        if data.crc(0, min(HEAD_BYTES, data.nbytes)) != layout.head_crc32c:
            return assemble_resolved(data, path, resolve(path, "lmdb", data.nbytes))
        offsets = DataFile(open_regular(OFFSETS, path / OFFSETS, folder), path / OFFSETS)
        try:
            return assemble(data, manifest, layout, offsets, whole_from=0)
        finally:
            offsets.close()
    finally:
        data.close()


def _read_document(descriptor: int, path: Path) -> dict[str, dict[str, object]]:
    try:
        document = unseal(read_whole(descriptor, MAX_BYTES, path / MANIFEST), str(path))
    finally:
        os.close(descriptor)
    if not isinstance(document.get("manifest"), dict) or not isinstance(
        document.get("layout"), dict
    ):
        raise PackCorrupt(f"{path / MANIFEST} lacks its manifest or layout; convert again")
    return document


def _check_size(data: DataFile) -> None:
    """Compare the file's size with the last page that its newest meta page names.

    LMDB itself maps what the meta page promises and dies of SIGBUS where a truncated file ends.
    """
    pages = [meta for meta in (_meta(data, 0), _meta(data, 1)) if meta is not None]
    if not pages:
        raise PackVersion(
            f"{data.shown} looks like {data.describe()}; expected the data file of an LMDB pack"
        )
    page_bytes, last_page, _ = max(pages, key=lambda meta: meta[2])
    expected = (last_page + 1) * page_bytes
    if data.nbytes < expected:
        raise PackCorrupt(
            f"{data.shown} has {data.nbytes} bytes, its newest meta page says {expected}; it was "
            f"cut "
            "short: restore it from a copy or convert again"
        )


def _meta(data: DataFile, number: int) -> tuple[int, int, int] | None:
    """(page size, last page, transaction) of a meta page, or None when it is none."""
    start = 0
    if number:
        first = _meta(data, 0)
        start = first[0] if first else HEAD_BYTES // 2
    if data.nbytes < start + META.size:
        return None
    magic, version, page_bytes, last_page, transaction = META.unpack(
        data.read(start, start + META.size)
    )
    if magic != LMDB_MAGIC or version != 1 or not 512 <= page_bytes <= 65536:
        return None
    return page_bytes, last_page, transaction


def _is_still(path: Path, folder: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(folder))
    except OSError:
        return False

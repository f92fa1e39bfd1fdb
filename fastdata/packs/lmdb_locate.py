"""Finds the file offset of every value of an LMDB environment, through lmdb.

lmdb tells no file offsets, but a value's address less the map's is one. The anchor gives the map's
address
away: its random bytes stand at one place in the file, and lmdb gives their address. It is larger
than a page, because LMDB leaves stale copies of smaller values behind when a page splits (measured:
offsets were wrong then).
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

from fastdata.errors import PackCorrupt, PackVersion
from fastdata.packs.assemble import Resolved
from fastdata.packs.lmdb_file import DATA
from fastdata.packs.manifest import KEY_FIELD, Manifest
from fastdata.packs.sealing import unseal

__all__ = ["ANCHOR", "locate"]

# It sorts before all other keys, so a compacted file holds it near its beginning too.
ANCHOR = b"#anchor"


def locate(folder: Path) -> Resolved:
    """Where everything lies in an environment.

    Run it in a child process on files that anything but fastdata has written: lmdb trusts what it
    reads.

    Raises:
        PackVersion: It holds no manifest.
        PackCorrupt: Keys are missing, or lmdb refuses it.
    """
    where = str(folder)
    try:
        # As bytes: lmdb refuses a str that holds undecodable bytes.
        env = lmdb.open(os.fsencode(folder), readonly=True, lock=False, max_spare_txns=0)
    except lmdb.Error as error:
        raise PackCorrupt(f"lmdb cannot open {where}: {error}; convert again") from error
    try:
        with env.begin(buffers=True) as txn:
            text = txn.get(b"manifest")
            if text is None:
                raise PackVersion(f"{where} is an LMDB environment without a fastdata manifest")
            manifest = Manifest.from_json(unseal(bytes(text), where)["manifest"], where)
            return _locate(txn, manifest, folder)
    except lmdb.Error as error:
        raise PackCorrupt(f"lmdb cannot read {where}: {error}; convert again") from error
    finally:
        env.close()


def _locate(txn: Any, manifest: Manifest, folder: Path) -> Resolved:
    base = _map_address(txn, folder)

    def place(key: bytes) -> int:
        value = txn.get(key)
        if value is None:
            raise _missing(key, folder)
        return _address(value) - base if len(value) else 0

    arrays = {name: place(name.encode()) for name in manifest.arrays}
    bases = {name: place(f"series/{name}".encode()) for name in manifest.series_rows}
    offsets = _records(txn, manifest, folder, base)
    for name in manifest.block_rows:
        blocks = manifest.arrays[f"index/{name}/crc32c"].shape[0]
        places = (place(f"rows/{name}/{block:010d}".encode()) for block in range(blocks))
        offsets[f"offset/{name}"] = np.fromiter(places, np.int64, blocks)
    return Resolved(manifest, arrays, bases, offsets)


def _records(
    txn: Any, manifest: Manifest, folder: Path, base: int
) -> dict[str, np.ndarray[Any, Any]]:
    """File offsets of all records, in one walk over the tree."""
    names = [name for name, field in manifest.schema.items() if field.storage == "records"]
    names = sorted(names + [KEY_FIELD] * manifest.has_keys, key=str.encode)
    total = manifest.count * len(names)
    walk = _walk(txn, names, manifest.count, folder)
    places = (_address(value) - base if len(value) else 0 for value in walk)
    table = np.fromiter(places, np.int64, total).reshape(manifest.count, len(names))
    return {f"offset/{name}": table[:, i].copy() for i, name in enumerate(names)}


def _walk(txn: Any, names: list[str], count: int, folder: Path) -> Iterator[Any]:
    """Every record in the order of the keys, none missing and none between."""
    suffixes = [f"/{name}".encode() for name in names]
    with txn.cursor() as cursor:
        cursor.set_range(b"0")
        pairs = iter(cursor)
        for index in range(count):
            for suffix in suffixes:
                expected = b"%010d%b" % (index, suffix)
                key, value = next(pairs, (b"", b""))
                if bytes(key) != expected:
                    raise _missing(expected, folder)
                yield value


def _map_address(txn: Any, folder: Path) -> int:
    anchor = txn.get(ANCHOR)
    if anchor is None:
        raise _missing(ANCHOR, folder)
    with open(folder / DATA, "rb") as file:
        mapped = mmap.mmap(file.fileno(), os.fstat(file.fileno()).st_size, prot=mmap.PROT_READ)
        at = mapped.find(bytes(anchor))
        mapped.close()
    if at < 0:
        raise _missing(ANCHOR, folder)
    return _address(anchor) - at


def _address(value: Any) -> int:
    return int(np.frombuffer(value, np.uint8).__array_interface__["data"][0])


def _missing(key: bytes, folder: Path) -> PackCorrupt:
    return PackCorrupt(
        f"{folder} lacks the key {key.decode('utf-8', 'replace')!r}; restore it from a copy or "
        f"convert again"
    )

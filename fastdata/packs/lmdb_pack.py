"""Packs as LMDB environments: written through lmdb, and located again after a compaction.

Anybody reads one without fastdata::

    import json, lmdb
    import numpy as np

    env = lmdb.open("out.lmdb", readonly=True, lock=False)
    with env.begin() as txn:
        manifest = json.loads(txn.get(b"manifest"))["manifest"]
        dtype = manifest["arrays"]["column/label"]["dtype"]
        labels = np.frombuffer(txn.get(b"column/label"), dtype)
        for i in range(manifest["count"]):
            image = txn.get(b"%010d/image" % i)  # bytes of a JPEG or PNG file
            print(i, labels[i], len(image), "bytes")

Keys: ``0000000042/image`` for records and ``0000000042/__key__`` for the source name of sample 42;
``column/label`` for a column; ``rows/depth/0000000007`` for block 7 of a field of fixed shape,
which holds ``manifest["block_rows"]["depth"]`` samples; ``series/window`` for a series, of which
``column/window`` says each sample's first row; ``index/image/length|crc32c|size``; ``manifest``.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

from fastdata.errors import UsageError
from fastdata.packs.arrayspec import ArraySpec
from fastdata.packs.checksum import as_bytes, crc_of_array, crc_of_file
from fastdata.packs.contents import Contents, gather_contents
from fastdata.packs.layout import Layout
from fastdata.packs.lmdb_file import DATA, HEAD_BYTES, MANIFEST, OFFSETS
from fastdata.packs.lmdb_locate import ANCHOR, locate
from fastdata.packs.passes import Passes, Progress
from fastdata.packs.sealing import seal
from fastdata.packs.staging import Staging
from fastdata.packs.stream import write_all

__all__ = ["build", "locate"]

ANCHOR_BYTES = 3 * 4096
PAGE_BYTES = 4096
# Dirty pages are kept in memory until a commit.
COMMIT_BYTES = 32 << 20
COMMIT_ITEMS = 50_000
FULL_BYTES = 1 << 16
MAX_VALUE_BYTES = (1 << 32) - 1
# More samples do not fit the ten digits of a key.
MAX_COUNT = 10**10

Item = tuple[bytes, Any]


def build(staging: Staging, folder: Path, progress: Progress | None = None) -> None:
    """Write a finished pack, which the caller reads back, syncs and publishes.

    Args:
        staging: The staged samples, after a checkpoint.
        folder: The folder to make.
        progress: Called now and then with the bytes done and the bytes in all.

    Raises:
        OSError: The system refused.
        UsageError: It is too large for LMDB.
    """
    passes = Passes(progress, 0)
    contents = gather_contents(staging, "lmdb", passes)
    passes.expect(2 * contents.nbytes)
    _check_limits(contents)
    folder.mkdir()
    try:
        _write_environment(contents, folder, passes)
    except lmdb.Error as error:
        raise _as_oserror(error, folder) from error
    layout, offsets = _layout(folder, passes)
    _write(folder / OFFSETS, offsets)
    document = {"manifest": contents.manifest.to_json(), "layout": layout.to_json()}
    _write(folder / MANIFEST, [seal(document)])
    passes.end()


def _write_environment(contents: Contents, folder: Path, passes: Passes) -> None:
    # The size of the map is only address space: without writemap, the file grows by the pages
    # written.
    map_bytes = (1 << 26) + 2 * _room(contents)
    # As bytes: lmdb refuses a str that holds undecodable bytes.
    env = lmdb.open(os.fsencode(folder), map_size=map_bytes, lock=False, sync=False, meminit=False)
    try:
        items = _items(contents)
        while batch := list(_batch(items)):
            with env.begin(write=True) as txn, txn.cursor() as cursor:
                consumed, _ = cursor.putmulti(batch, append=True)
                if consumed != len(batch):
                    raise AssertionError("keys of a pack are written in order, each once")
            passes.add(sum(len(value) for _, value in batch))
    finally:
        env.close()


def _items(contents: Contents) -> Iterator[Item]:
    """Everything in the order of the keys, so that LMDB fills its pages and moves no value."""
    yield ANCHOR, os.urandom(ANCHOR_BYTES)
    names = sorted(contents.records, key=str.encode)
    suffixes = [f"/{name}".encode() for name in names]
    for index in range(contents.manifest.count):
        for name, suffix in zip(names, suffixes, strict=True):
            yield b"%010d%b" % (index, suffix), contents.record(name, index)
    named = {name.encode(): array for name, array in contents.arrays.items()}
    for key in sorted(named):
        yield key, as_bytes(named[key])
    yield b"manifest", seal({"manifest": contents.manifest.to_json()})
    for name in sorted(contents.rows, key=str.encode):
        step = contents.block_bytes(name)
        for block, start in enumerate(range(0, len(contents.rows[name]), max(1, step))):
            yield _key("rows", name, block), contents.rows[name][start : start + step]
    for name in sorted(contents.series, key=str.encode):
        yield _key("series", name), contents.series[name]


def _key(kind: str, name: str, block: int | None = None) -> bytes:
    return f"{kind}/{name}".encode() + (b"" if block is None else b"/%010d" % block)


def _batch(items: Iterable[Item]) -> Iterator[Item]:
    nbytes = 0
    for key, value in itertools.islice(items, COMMIT_ITEMS):
        yield key, value
        nbytes += len(value)
        if nbytes >= COMMIT_BYTES:
            return


def _room(contents: Contents) -> int:
    """Bytes that everything takes at most: whole pages, and a node of 512 bytes with its key."""
    values = [contents.arrays[f"index/{name}/length"] for name in contents.records]
    values += [np.array([array.nbytes]) for array in contents.arrays.values()]
    values += [np.array([data.nbytes]) for data in contents.series.values()]
    for name, data in contents.rows.items():
        step = max(1, contents.block_bytes(name))
        values.append(np.full(-(-len(data) // step), step))
    small, page = PAGE_BYTES // 2, PAGE_BYTES
    return sum(
        int(
            np.where(sizes < small, sizes + 512, (sizes // page + 2) * page + 512).sum(
                dtype=np.int64
            )
        )
        for sizes in (array.astype(np.int64) for array in values)
    ) + len(seal({"manifest": contents.manifest.to_json()}))


def _layout(folder: Path, passes: Passes) -> tuple[Layout, list[Any]]:
    found = locate(folder)
    offsets, start = {}, 0
    for name, array in found.offsets.items():
        spec = ArraySpec("<i8", array.shape, crc_of_array(array))
        offsets[name] = (spec, start)
        start += spec.nbytes
    descriptor = os.open(folder / DATA, os.O_RDONLY | os.O_CLOEXEC)
    try:
        nbytes = os.fstat(descriptor).st_size
        layout = Layout(
            file_bytes=nbytes,
            head_crc32c=crc_of_file(descriptor, 0, HEAD_BYTES),
            file_crc32c=crc_of_file(descriptor, 0, nbytes, passes.add),
            arrays=found.arrays,
            bases=found.bases,
            offsets=offsets,
        )
    finally:
        os.close(descriptor)
    return layout, [array.tobytes() for array in found.offsets.values()]


def _check_limits(contents: Contents) -> None:
    if contents.manifest.count >= MAX_COUNT:
        raise UsageError(f"{contents.manifest.count} samples; an LMDB pack holds {MAX_COUNT - 1}")
    whole = {**contents.arrays, **contents.series}
    for name, array in whole.items():
        if array.nbytes > MAX_VALUE_BYTES:
            raise UsageError(
                f"{name!r} has {array.nbytes} bytes; a value of an LMDB pack has at most "
                f"{MAX_VALUE_BYTES}; write an HDF5 pack (NAME.h5) instead"
            )


def _as_oserror(error: lmdb.Error, folder: Path) -> OSError:
    """The system's error behind an lmdb one, which keeps only its words."""
    known = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EFBIG, errno.EACCES)
    number = next((code for code in known if os.strerror(code) in str(error)), errno.EIO)
    # A disk that becomes full writes less than it was given, and LMDB calls a short write EIO.
    if number == errno.EIO and shutil.disk_usage(folder).free < FULL_BYTES:
        number = errno.ENOSPC
    return OSError(number, f"{os.strerror(number)} ({error})", str(folder))


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        for piece in pieces:
            write_all(descriptor, piece)
    finally:
        os.close(descriptor)

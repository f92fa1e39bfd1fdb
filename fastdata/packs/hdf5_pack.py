"""Packs as HDF5 files: laid out through h5py, filled with plain writes.

Anybody reads one without fastdata::

    import h5py, json

    with h5py.File("out.h5") as file:
        manifest = json.loads(bytes(file["manifest"][:]))["manifest"]
        labels = file["label"][:]
        data, offset, length = (file[f"image/{part}"] for part in ("data", "offset", "length"))
        for i in range(manifest["count"]):
            image = bytes(data[offset[i] : offset[i] + length[i]])  # a JPEG or PNG file
            print(i, labels[i], len(image), "bytes")

Datasets: ``/label`` for a column; ``/image/data`` (bytes of all records, end to end) with
``/image/offset|length|crc32c|size``; ``/__key__/...`` likewise for source names; ``/depth/data``
(N, ...) with ``/depth/crc32c`` (a block of rows each) for a field of fixed shape; ``/window/data``
(T, F) with ``/window/start`` for a series; ``/manifest``. All are contiguous and without filters,
so they can be mapped.

HDF5 ends the process when the disk is full (measured: 3 of 3), so it never writes to the disk here:
h5py lays the file out in memory, where every dataset has its place but no bytes, and these bytes
and the few of HDF5's own structures are then written by plain system calls.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from fastdata.errors import PackCorrupt, PackVersion
from fastdata.packs.assemble import Resolved
from fastdata.packs.checksum import as_bytes, crc_of_file
from fastdata.packs.contents import Contents, gather_contents
from fastdata.packs.hdf5_file import HEAD_BYTES, USERBLOCK_BYTES, UserBlock
from fastdata.packs.hdf5_image import MemoryFile
from fastdata.packs.layout import Layout
from fastdata.packs.manifest import KEY_FIELD, Manifest
from fastdata.packs.passes import Passes, Progress
from fastdata.packs.sealing import seal, unseal
from fastdata.packs.staging import Staging
from fastdata.schema import Schema

__all__ = ["build", "locate"]

# Every type is aligned at its own size in the map, and a dataset begins in a cache line of its own.
ALIGNMENT_BYTES = 64
# One call of the system at a time, so that progress shows and a signal is heard.
WRITTEN_BYTES = 1 << 24


def build(staging: Staging, path: Path, progress: Progress | None = None) -> None:
    """Write a finished pack, which the caller reads back, syncs and publishes.

    Args:
        staging: The staged samples, after a checkpoint.
        path: The file to make.
        progress: Called now and then with the bytes done and the bytes in all.

    Raises:
        OSError: The system refused.
    """
    passes = Passes(progress, 0)
    contents = gather_contents(staging, "hdf5", passes)
    passes.expect(2 * contents.nbytes)
    image = MemoryFile()
    parts = dict(_parts(contents))
    with _create(image) as file:
        places = {name: _dataset(file, name, array) for name, array in parts.items()}
        text = np.frombuffer(_document(contents, places), np.uint8)
        start = _dataset(file, "manifest", text)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        # So that a full disk is known at once; macOS lacks the call and finds out while writing.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, image.nbytes)
        image.write_to(descriptor)
        for name, array in parts.items():
            _fill(descriptor, places[name], array, passes)
        _fill(descriptor, start, text, passes)
        block = UserBlock(
            manifest_start=start,
            manifest_bytes=len(text),
            file_bytes=image.nbytes,
            head_crc32c=crc_of_file(descriptor, USERBLOCK_BYTES, HEAD_BYTES),
            file_crc32c=crc_of_file(descriptor, USERBLOCK_BYTES, image.nbytes, passes.add),
        )
        os.pwrite(descriptor, block.pack(), 0)
    finally:
        os.close(descriptor)
    passes.end()


def locate(path: Path) -> Resolved:
    """Where everything lies in a file, through h5py.

    Run it in a child process on files that anything but fastdata has written: HDF5 trusts what it
    reads.

    Raises:
        PackVersion: It holds no manifest, or a dataset is chunked, filtered, external or virtual.
        PackCorrupt: HDF5 refuses it, or datasets are missing.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            return _locate(file, path)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, PackCorrupt | PackVersion):
            raise
        raise PackCorrupt(f"h5py cannot read {path}: {error}; convert again") from error


def _locate(file: Any, path: Path) -> Resolved:
    if not isinstance(file.get("manifest"), h5py.Dataset):
        raise PackVersion(f"{path} is an HDF5 file without a fastdata manifest; convert it first")
    _place(file, "manifest", path)
    document = unseal(bytes(file["manifest"][:]), str(path))
    manifest = Manifest.from_json(document["manifest"], str(path))
    arrays = {
        name: _place(file, _dataset_name(name, manifest.schema), path) for name in manifest.arrays
    }
    names = [name for name, field in manifest.schema.items() if field.storage != "column"]
    bases = {
        name: _place(file, f"{name}/data", path) for name in names + [KEY_FIELD] * manifest.has_keys
    }
    return Resolved(manifest, arrays, bases, {})


def _place(file: Any, name: str, path: Path) -> int:
    """Byte offset of a dataset that can be mapped, 0 when it is empty."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise PackVersion(f"/{name} of {path} is a soft or external link or missing; convert again")
    dataset = file[name]
    if dataset.size == 0:
        return 0
    offset = dataset.id.get_offset()
    if offset is None or dataset.external:
        raise PackVersion(
            f"/{name} of {path} is not contiguous in this file (chunked, compressed or "
            f"elsewhere), so it "
            "cannot be mapped; repack it without filters (h5repack -l CONTI), or convert again"
        )
    return int(offset)


def _dataset_name(array: str, schema: Schema) -> str:
    """The dataset of an array of the manifest."""
    kind, _, rest = array.partition("/")
    if kind == "offset":
        return f"{rest}/offset"
    return f"{rest}/start" if kind == "column" and schema[rest].storage == "series" else rest


def _parts(contents: Contents) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every dataset's name and contents."""
    manifest = contents.manifest
    for name, array in contents.arrays.items():
        yield _dataset_name(name, manifest.schema), array
    for name, data in contents.records.items():
        yield f"{name}/data", data
    for name, data in contents.rows.items():
        field = manifest.schema[name]
        shape = (manifest.count, *(field.item_shape or ()))
        yield f"{name}/data", data.view(field.item_dtype).reshape(shape)
    for name, data in contents.series.items():
        field = manifest.schema[name]
        features = (field.item_shape or (0, 1))[1]
        yield f"{name}/data", data.view(field.item_dtype).reshape(-1, features)


def _document(contents: Contents, places: dict[str, int]) -> bytes:
    groups, schema = (contents.records, contents.rows, contents.series), contents.manifest.schema
    layout = Layout(
        file_bytes=0,
        head_crc32c=0,
        file_crc32c=0,
        arrays={name: places[_dataset_name(name, schema)] for name in contents.arrays},
        bases={name: places[f"{name}/data"] for group in groups for name in group},
    )
    return seal({"manifest": contents.manifest.to_json(), "layout": layout.to_json()})


def _create(image: MemoryFile) -> Any:
    return h5py.File(
        image,
        "w",
        driver="fileobj",
        userblock_size=USERBLOCK_BYTES,
        alignment_threshold=1,
        alignment_interval=ALIGNMENT_BYTES,
    )


def _dataset(file: Any, name: str, array: NDArray[Any]) -> int:
    """Lay out a contiguous dataset without writing it; its byte offset, 0 when empty."""
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_layout(h5py.h5d.CONTIGUOUS)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    creation.set_obj_track_times(False)
    link = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    link.set_create_intermediate_group(True)
    link.set_char_encoding(h5py.h5t.CSET_UTF8)
    kind = h5py.h5t.py_create(array.dtype, logical=True)
    space = h5py.h5s.create_simple(array.shape)
    dataset = h5py.h5d.create(file.id, name.encode(), kind, space, creation, link)
    return int(dataset.get_offset()) if math.prod(array.shape) else 0


def _fill(descriptor: int, start: int, array: NDArray[Any], passes: Passes) -> None:
    """Write an array's bytes at their place."""
    view = as_bytes(array).data
    while view:
        written = os.pwrite(descriptor, view[:WRITTEN_BYTES], start)
        view, start = view[written:], start + written
        passes.add(written)

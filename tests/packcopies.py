"""Copies of packs, whole and damaged, and values that travel."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from fastdata.packs import Pack, open_pack

COUNT = 50


def again(value: Any) -> Any:
    """The value after a journey to another process and back."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301


def data_file(path: Path) -> Path:
    """The file of a pack that holds its records."""
    return path / "data.mdb" if path.is_dir() else path


def copy_of(path: Path, folder: Path) -> Path:
    target = folder / path.name
    if path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copyfile(path, target)
    return target


def place_of(path: Path, name: str, index: int) -> int:
    """Byte at which the value of a sample begins in the data file.

    Not looked for by its contents: LMDB leaves what a page held before behind a shorter value.
    """
    with open_pack(path) as pack:
        if pack.schema[name].storage != "records":
            return int(pack.row_source(name).offsets(np.array([index]))[0])
        whole = next(
            pack.row_source(field).bytes for field in pack.schema if is_located(pack, field)
        )
        return address(pack.records(name, [index])[0]) - address(whole)


def is_located(pack: Pack, name: str) -> bool:
    return pack.schema[name].storage in {"rows", "series"}


def address(data: Any) -> int:
    """Where the first byte lies in memory."""
    return int(np.frombuffer(data, np.uint8).__array_interface__["data"][0])


def damaged_copy(path: Path, folder: Path, name: str, index: int) -> tuple[Path, int]:
    """A copy with one bit flipped in a sample's value, or in a byte that belongs to none."""
    start = place_of(path, name, index) if name else 0
    target = copy_of(path, folder)
    with open(data_file(target), "r+b") as file:
        if not name:
            start = unused_byte(file.read())
        file.seek(start)
        byte = file.read(1)[0]
        file.seek(start)
        file.write(bytes([byte ^ 0x10]))
    return target, start


def unused_byte(data: bytes) -> int:
    """A byte of the backend's own structures: the name of a key in a leaf, or of a dataset."""
    for name in (b"0000000003/caption", b"\x06crc32c"):
        if name in data:
            return data.index(name)
    raise AssertionError("the pack holds no such name")

"""A small pack of every kind of field, its samples, and what reading it must give."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fastdata.codecs import encode_png
from fastdata.packs import Pack, PackWriter, create_pack
from fastdata.schema import (
    Array,
    DistanceMap,
    Image,
    Label,
    Mask,
    Scalar,
    Schema,
    Text,
    Window,
)

SERIES = np.random.default_rng(7).normal(size=(500, 3)).astype(np.float32)

EVERY_KIND = Schema(
    {
        "image": Image(),
        "mask": Mask(classes=("sky", "road", "car"), ignore_index=255),
        "boundary": DistanceMap(of="mask", dtype="float16"),
        "gray": Image(codec="raw", channels=1, shape=(16, 24)),
        "free": Image(codec="raw"),
        "label": Label(classes=("cat", "dog")),
        "split": Label(classes=("train", "val")),
        "severity": Scalar(),
        "code": Scalar(dtype="int16"),
        "vector": Array(shape=(4,), dtype="float64"),
        "depth": Array(shape=(9, 5), dtype="float32"),
        "caption": Text(),
        "window": Window(length=6, features=("a", "b", "c")),
    }
)

COUNTED = Schema({"label": Label()})


def sample(index: int) -> dict[str, Any]:
    """Values of sample `index`, the same at every call."""
    random = np.random.default_rng(index)
    height, width = 20 + index % 5, 30 + index % 3
    image = random.integers(0, 256, (height, width, 3), np.uint8)
    mask = random.integers(0, 3, (height, width)).astype(np.uint8)
    mask[0, 0] = 255
    return {
        "image": encode_png(image) if index % 2 else image,
        "mask": mask,
        "boundary": np.round(random.random((height, width)) * 64).astype(np.float32) / 8,
        "gray": random.integers(0, 256, (16, 24, 1), np.uint8),
        "free": image,
        "label": index % 2,
        "split": "val" if index % 5 == 0 else "train",
        "severity": np.float32(index / 3),
        "code": index - 7,
        "vector": random.normal(size=4),
        "depth": random.normal(size=(9, 5)).astype(np.float32),
        "caption": f"caption {index} " + "é" * (index % 4),
        "window": index * 3 % (len(SERIES) - 6),
    }


def key(index: int) -> str:
    return f"folder_{index % 3}/sample {index} ü.png"


def fill(writer: PackWriter, start: int, stop: int) -> None:
    """Add samples start..stop to a pack of `EVERY_KIND`; every tenth source is rejected."""
    writer.set_series("window", SERIES)
    for index in range(start, stop):
        if index % 10 == 9:
            writer.reject(key(index), f"reason {index}")
        else:
            writer.add(key(index), **sample(index))


def kept(count: int) -> list[int]:
    """The source numbers that `fill(writer, 0, count)` packs."""
    return [index for index in range(count) if index % 10 != 9]


def write_pack(path: Path, count: int = 30, **options: Any) -> Path:
    with create_pack(path, EVERY_KIND, source="made up", **options) as writer:
        fill(writer, writer.position, count)
    return path


def values(pack: Pack) -> Iterator[bytes]:
    """Everything that a reader can get out of a pack, as bytes, in a fixed order."""
    yield repr((len(pack), pack.schema, pack.info.source, pack.info.rejects)).encode()
    for index in range(len(pack)):
        yield pack.key(index).encode("utf-8", "surrogateescape")
        for value in pack[index]:
            yield value.encode() if isinstance(value, str) else np.asarray(value).tobytes()
    everything = np.arange(len(pack))
    for name, field in pack.schema.items():
        if field.spatial:
            yield pack.sizes(name).tobytes()
        if field.storage == "records":
            yield b"".join(pack.records(name, everything))
        else:
            yield pack.gather(name, everything).tobytes()


def digest(pack: Pack) -> str:
    """One checksum over everything that a reader can get out of a pack."""
    state = hashlib.blake2b()
    for piece in values(pack):
        state.update(b"%d:" % len(piece) + piece)
    return state.hexdigest()

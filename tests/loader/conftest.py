"""Small packs that the loader's tests read, and a check that nothing is left running."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pictures import picture

from fastdata import FastLoader
from fastdata.packs import Pack, create_pack, open_pack
from fastdata.schema import Array, DistanceMap, Image, Label, Mask, Scalar, Schema, Text, Window

COUNT = 26


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No test leaves a thread, a child process or a file in /dev/shm behind."""
    before, running = threads_and_files(), set(multiprocessing.active_children())
    yield
    gc.collect()
    # What is still there is looked through once, and not after each test again.
    gc.freeze()
    assert set(multiprocessing.active_children()) <= running
    left = [found for found in threads_and_files() if found not in before]
    # Queues of ended workers are closed by a thread of their own, which is about to end.
    for thread in threading.enumerate():
        if thread.name in left and thread is not threading.main_thread():
            thread.join(timeout=10)
    assert [found for found in threads_and_files() if found not in before] == []


def threads_and_files() -> list[str]:
    shm = Path("/dev/shm")
    own = f"torch_{os.getpid()}_"
    files = [p.name for p in shm.iterdir() if p.name.startswith(own)] if shm.is_dir() else []
    return [thread.name for thread in threading.enumerate()] + files


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEGs of different sizes with masks, labels, small arrays and names."""
    rng = np.random.default_rng(7)
    path = tmp_path_factory.mktemp("packs") / "photos.lmdb"
    schema = Schema(
        {
            "image": Image(codec="jpeg"),
            "mask": Mask(classes=("ground", "thing")),
            "label": Label(classes=("cat", "dog", "owl")),
            "weight": Scalar(dtype="float64"),
            "box": Array(shape=(4,), dtype="int16"),
            "name": Text(),
        }
    )
    with create_pack(path, schema) as writer:
        for index in range(COUNT):
            image = rng.integers(0, 256, (40 + index, 50, 3), dtype=np.uint8)
            writer.add(
                __key__=f"group/{index}.jpg",
                image=image,
                mask=(image[..., 0] > 127).astype(np.uint8),
                label=index % 3,
                weight=index / 4,
                box=np.arange(4, dtype=np.int16) + index,
                name=f"photo {index}",
            )
    return path


@pytest.fixture(scope="session")
def grays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw gray images of one size, a mask of many classes, labels and a longer array."""
    rng = np.random.default_rng(8)
    path = tmp_path_factory.mktemp("packs") / "grays.h5"
    schema = Schema(
        {
            "image": Image(codec="raw", channels=1, shape=(12, 16)),
            "mask": Mask(codec="raw", dtype="uint16", shape=(12, 16)),
            "label": Label(),
            "vector": Array(shape=(33,)),
        }
    )
    with create_pack(path, schema) as writer:
        for index in range(COUNT):
            writer.add(
                image=rng.integers(0, 256, (12, 16, 1), dtype=np.uint8),
                mask=rng.integers(0, 60_000, (12, 16), dtype=np.uint16),
                label=index,
                vector=rng.random(33, dtype=np.float32),
            )
    return path


@pytest.fixture(scope="session")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Windows of 24 rows of a series of 3 features, with the row after each as its target."""
    series = np.random.default_rng(9).random((400, 3), dtype=np.float32)
    path = tmp_path_factory.mktemp("packs") / "windows.lmdb"
    schema = Schema({"window": Window(length=24, features=("a", "b", "c")), "target": Scalar()})
    with create_pack(path, schema) as writer:
        writer.set_series("window", series)
        for start in range(376):
            writer.add(window=start, target=series[start + 24, 0])
    return path


@pytest.fixture
def photo_pack(photos: Path) -> Iterator[Pack]:
    with open_pack(photos) as pack:
        yield pack


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Restart-indexed photos with masks and distance maps, raw pixels, and labels 0..13."""
    path = tmp_path_factory.mktemp("packs") / "scenes.lmdb"
    schema = Schema(
        {
            "image": Image(codec="jpeg-fast"),
            "mask": Mask(classes=("ground", "thing")),
            "boundary": DistanceMap(of="mask", dtype="float16"),
            "pixels": Image(codec="raw"),
            "label": Label(),
            "name": Text(),
        }
    )
    rng = np.random.default_rng(3)
    with create_pack(path, schema) as writer:
        for index in range(14):
            height, width = 96 + 3 * index, 150 - 2 * index
            image = picture(height, width, seed=index)
            writer.add(
                __key__=f"scene {index}",
                image=image,
                mask=(image[..., 0] > 127).astype(np.uint8),
                boundary=rng.random((height, width), np.float32) * 9,
                pixels=image,
                label=index,
                name=f"name {index}",
            )
    return path


@pytest.fixture(params=["cpu", pytest.param("cuda:0", marks=pytest.mark.needs_gpu)])
def dali(request: pytest.FixtureRequest) -> Any:
    """FastLoader with this engine, on either device."""
    return partial(FastLoader, engine="dali", device=request.param)

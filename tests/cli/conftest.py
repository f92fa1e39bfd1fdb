"""Sources and packs to start commands on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commands import run
from PIL import Image


def write_photo(path: Path | bytes, seed: int, height: int = 48, width: int = 64) -> None:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (height, width, 3), np.uint8)
    with open(path, "wb") as stream:
        Image.fromarray(pixels).save(stream, "JPEG")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three class folders; one has names that few consoles can show."""
    root = tmp_path_factory.mktemp("sources") / "photos"
    for label, (folder, count) in enumerate({"cat": 4, "dog": 2, "狗😀": 1}.items()):
        (root / folder).mkdir(parents=True)
        for index in range(count):
            write_photo(root / folder / f"{index}.jpg", 10 * label + index)
    return root


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """images/ and masks/ of six small pictures with two classes."""
    root = tmp_path_factory.mktemp("sources") / "scenes"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    for index in range(6):
        write_photo(root / "images" / f"{index}.jpg", index)
        mask = np.zeros((48, 64), np.uint8)
        mask[10 : 30 + index, 20:50] = 1
        Image.fromarray(mask).save(root / "masks" / f"{index}.png")
    return root


@pytest.fixture(scope="session")
def photo_pack(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packs") / "photos.lmdb"
    done = run("convert", photos, out, "--workers", "0")
    assert done.code == 0, done.err
    return out


@pytest.fixture(scope="session")
def scene_pack(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packs") / "scenes.h5"
    done = run(
        "convert", scenes, out, "--distance-maps", "boundary,signed", "--classes", "ground,box"
    )
    assert done.code == 0, done.err
    return out

"""Made sources for the converters, jobs for their workers, and the content of a pack."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
from pictures import picture, saved
from PIL import Image

from fastdata.converters.source import Item
from fastdata.packs import open_pack


def write_image(
    path: Path, height: int = 20, width: int = 28, seed: int = 0, **options: Any
) -> bytes:
    """Writes a made picture, JPEG unless the name ends with .png; returns its bytes."""
    kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    data = saved(picture(height, width, seed=seed), kind, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def write_mask(path: Path, ids: Any) -> None:
    """Writes class ids as a gray PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(ids, np.uint8)).save(path, "PNG")


def class_folders(root: Path, count: int = 3, classes: tuple[str, ...] = ("ant", "bee")) -> Path:
    """`count` JPEGs of different sizes in each class folder."""
    for number, name in enumerate(classes):
        for i in range(count):
            write_image(root / name / f"{i}.jpg", 16 + i, 24 + number, seed=10 * number + i)
    return root


def streets(root: Path, count: int = 4, classes: int = 3) -> Path:
    """images/ and masks/ of one size, 16 x 24."""
    rng = np.random.default_rng(5)
    for i in range(count):
        write_image(root / "images" / f"{i}.png", 16, 24, seed=i)
        ids = np.repeat(np.repeat(rng.integers(0, classes, (4, 6)), 4, 0), 4, 1)
        ids[0, :classes] = range(classes)
        write_mask(root / "masks" / f"{i}.png", ids)
    return root


def content(path: Path) -> list[tuple[Any, ...]]:
    """All that a pack holds: key, and type, shape and bytes of every value, stored bytes too."""
    rows: list[tuple[Any, ...]] = []
    with open_pack(path) as pack:
        for i in range(len(pack)):
            values = [np.asarray(value) for value in pack[i]]
            stored = [
                bytes(pack.records(name, np.array([i]))[0])
                for name, field in pack.schema.items()
                if field.storage == "records"
            ]
            rows.append(
                (pack.key(i), *((v.dtype.str, v.shape, v.tobytes()) for v in values), *stored)
            )
    return rows


def obey(item: Item) -> str:
    """A worker's job that does what the item's key says."""
    if item.key == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if item.key == "exit":
        os._exit(3)
    if item.key == "hang":
        time.sleep(600)
    if item.key == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if item.key == "fail":
        raise ZeroDivisionError("a fault that nobody foresaw")
    if item.key.startswith("stop once ") and _first_time(item.key.removeprefix("stop once ")):
        os.kill(os.getpid(), signal.SIGSTOP)
    if item.key.startswith("die once ") and _first_time(item.key.removeprefix("die once ")):
        os.kill(os.getpid(), signal.SIGKILL)
    if item.key == "large":
        return "x" * 3_000_000
    return item.key.upper()


def _first_time(mark: str) -> bool:
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True

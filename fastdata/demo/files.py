"""Writes made scenes as an ordinary dataset: JPEG images, PNG masks and one CSV table."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

from fastdata.demo.scenes import LANDS, PARTS, TRUNCATE, make_scene

__all__ = ["CONVERSION", "JPEG_QUALITY", "MadeFiles", "write_files"]

# With the scenes' noise this gives 60-110 KB a picture, as real photographs of the size have.
JPEG_QUALITY = 90

CONVERSION: Final[dict[str, Any]] = {
    "layout": "table",
    "columns": {"mask": "mask", "land": "label", "objects": "scalar"},
    "classes": PARTS,
    "distance_maps": ("boundary",),
    "truncate": TRUNCATE,
    "distance_dtype": "uint8",
}
"""How the table becomes a pack: settings of `fastdata.convert`."""


@dataclass(frozen=True)
class MadeFiles:
    """A dataset that was written.

    Attributes:
        folder: Holds ``images/``, ``masks/`` and the table.
        table: CSV with the columns image, mask, land, objects; paths relative to `folder`.
        samples: Rows of the table.
        image_bytes: Size of all images together.
    """

    folder: Path
    table: Path
    samples: int
    image_bytes: int


def write_files(
    folder: Path, *, samples: int, seed: int, threads: int, progress: Callable[[int, int], None]
) -> MadeFiles:
    """Writes `samples` scenes; the same bytes for the same seed, whatever the threads.

    Args:
        folder: Is made where it is missing; files of the same names are replaced.
        samples: How many.
        seed: Chooses the scenes.
        threads: Scenes made at a time.
        progress: Called with the number done and the number in all.

    Raises:
        OSError: A file cannot be written.
    """
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rows, image_bytes = [], 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="fastdata-demo")
    try:
        for row, size in pool.map(lambda i: _write_scene(folder, seed, i), range(samples)):
            rows.append(row)
            image_bytes += size
            progress(len(rows), samples)
    finally:
        pool.shutdown(cancel_futures=True)
    table = folder / "labels.csv"
    with table.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("image", "mask", "land", "objects"), *rows])
    return MadeFiles(folder=folder, table=table, samples=samples, image_bytes=image_bytes)


def _write_scene(folder: Path, seed: int, index: int) -> tuple[tuple[str, str, str, int], int]:
    scene = make_scene(seed, index)
    image, mask = f"images/{index:05d}.jpg", f"masks/{index:05d}.png"
    Image.fromarray(scene.image).save(folder / image, quality=JPEG_QUALITY)
    Image.fromarray(scene.mask).save(folder / mask)
    return (image, mask, LANDS[scene.land], scene.objects), os.path.getsize(folder / image)

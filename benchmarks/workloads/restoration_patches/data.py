"""Writes clean pictures and their degraded twins, as a restoration set comes.

    python -m workloads.restoration_patches.data        20 s; files/{train,val} in made/

    train/degraded/00000.jpg   blurred a little, with the noise of a sensor, JPEG quality 90
    train/clean/00000.jpg      the same picture before, JPEG quality 95
    val/...                    likewise, for evaluation

The clean pictures are the photographs of ``DIR/photos`` where ``--data DIR`` has it, else drawn.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from fastdata.demo.scenes import make_scene
from workloads.command import make
from workloads.job import Job
from workloads.splitting import is_held_out

# Patches of 192 pixels need some room to lie at different places.
SMALLEST_SIDE = 256
NOISE = 20.0  # standard deviation, of 0..255
BLUR_RADIUS = 0.6
CLEAN_QUALITY, DEGRADED_QUALITY = 95, 90
JOB = Job(samples=400, epochs=6, work=Path(__file__).with_name("made"))


def make_files(job: Job) -> None:
    """Writes the pairs; no picture is in both parts."""
    photos = None if job.data is None else job.data / "photos"
    pictures = from_photos(photos) if photos and photos.is_dir() else drawn()
    for index, picture in enumerate(islice(pictures, job.samples)):
        name = f"{index:05d}.jpg"
        folder = job.work / "files" / ("val" if is_held_out(name) else "train")
        for twin in ("degraded", "clean"):
            (folder / twin).mkdir(parents=True, exist_ok=True)
        picture.save(folder / "clean" / name, quality=CLEAN_QUALITY)
        noisy = degraded(picture, np.random.default_rng(index))
        noisy.save(folder / "degraded" / name, quality=DEGRADED_QUALITY)


def degraded(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    blurred = np.asarray(picture.filter(ImageFilter.GaussianBlur(BLUR_RADIUS)), np.float32)
    noisy = blurred + random.normal(0, NOISE, blurred.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def from_photos(folder: Path) -> Iterator[Image.Image]:
    """The photographs below a folder that are large enough, turned upright."""
    for path in sorted(folder.rglob("*.[jJ][pP]*[gG]")):
        with Image.open(path) as opened:
            if min(opened.size) >= SMALLEST_SIDE:
                yield ImageOps.exif_transpose(opened).convert("RGB")


def drawn() -> Iterator[Image.Image]:
    index = 0
    while True:
        yield Image.fromarray(make_scene(0, index).image)
        index += 1


def trivial_psnr(folder: Path, patch: int) -> float:
    """Of giving the degraded picture back, in dB, over the middle patches of a part."""
    errors = [
        float(np.mean((middle(folder / "degraded" / path.name, patch) - middle(path, patch)) ** 2))
        for path in sorted((folder / "clean").iterdir())
    ]
    return -10 * math.log10(statistics.fmean(errors))


def middle(path: Path, side: int) -> np.ndarray:
    """The middle of a picture, (side, side, 3) float32 in 0..1."""
    with Image.open(path) as opened:
        left, top = round((opened.width - side) / 2), round((opened.height - side) / 2)
        return np.asarray(opened.crop((left, top, left + side, top + side)), np.float32) / 255


if __name__ == "__main__":
    make(__doc__, JOB, make_files)

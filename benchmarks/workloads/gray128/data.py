"""Draws 128x128 grayscale pictures of six shapes, as PNG files in class folders.

    python -m workloads.gray128.data        4 s; files/{train,val}/CLASS/N.png in made/

A shape has any place, size, turn and brightness, before a shaded background with noise: its class
cannot be read off single pixels, and a linear classifier of them does little better than chance.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from workloads.command import make
from workloads.job import Job
from workloads.splitting import is_held_out

SIDE = 128
CLASSES = ("arrow", "cross", "disc", "ring", "square", "star")
NOISE = 20.0  # standard deviation, of 0..255
JOB = Job(samples=4_000, epochs=5, work=Path(__file__).with_name("made"))


def make_files(job: Job) -> None:
    """Writes ``files/{train,val}/CLASS/N.png``."""
    for index in range(job.samples):
        name = f"{CLASSES[index % len(CLASSES)]}/{index:05d}.png"
        path = job.work / "files" / ("val" if is_held_out(name) else "train") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw(index)).save(path)


def trivial_accuracy(labels: list[int]) -> float:
    """Of always answering the most frequent class.

    Args:
        labels: Of the held-out samples.
    """
    return Counter(labels).most_common(1)[0][1] / len(labels)


def draw(index: int) -> np.ndarray:
    """Picture `index`, (128, 128) uint8; the same on every machine."""
    random = np.random.default_rng(index)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    slope = random.uniform(-80, 80, 2)
    background = 128 + slope[0] * rows + slope[1] * columns
    contrast = random.choice((-1, 1)) * random.uniform(30, 90)
    pixels = background + contrast * shape(CLASSES[index % len(CLASSES)], random)
    pixels += random.normal(0, NOISE, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def shape(name: str, random: np.random.Generator) -> np.ndarray:
    """Where a shape is, (128, 128) 0 or 1."""
    canvas = Image.new("1", (SIDE, SIDE))
    pen = ImageDraw.Draw(canvas)
    radius = random.uniform(14, 36)
    x, y = random.uniform(radius, SIDE - radius, 2)
    if name in ("disc", "ring"):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
        if name == "ring":
            inner = 0.55 * radius
            pen.ellipse((x - inner, y - inner, x + inner, y + inner), fill=0)
    else:
        turn = random.uniform(0, 2 * math.pi)
        for corners in OUTLINES[name]:
            turned = [(x + radius * r * math.cos(a + turn), y + radius * r * math.sin(a + turn))
                      for r, a in corners]  # fmt: skip
            pen.polygon(turned, fill=1)
    return np.asarray(canvas, np.float32)


def _box(half_width: float, half_height: float) -> list[tuple[float, float]]:
    """A rectangle around the centre as (radius, angle) of its corners."""
    corners = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    points = [(half_width * across, half_height * down) for across, down in corners]
    return [(math.hypot(x, y), math.atan2(y, x)) for x, y in points]


OUTLINES = {
    "arrow": ([(1.0, 0.0), (1.0, 2.5), (0.35, math.pi), (1.0, -2.5)],),
    "cross": (_box(1.0, 0.25), _box(0.25, 1.0)),
    "square": (_box(0.72, 0.72),),
    "star": ([(1.0 if at % 2 else 0.42, at * math.pi / 5) for at in range(10)],),
}
"""Polygons of each shape, as (radius, angle) of their corners."""


if __name__ == "__main__":
    make(__doc__, JOB, make_files)

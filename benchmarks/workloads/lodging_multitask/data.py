"""Draws pictures of crops in rows, part of which leans over, as a field survey would leave them.

    python -m workloads.lodging_multitask.data        9 s; files/{train,val} in made/

    train/images/00000.jpg   320-512 px a side, JPEG quality 90
    train/masks/00000.png    1 where the crop leans, else 0
    train/labels.csv         image,mask,position,severity
    val/...                  likewise, for evaluation

``position`` is the ninth of the picture that the leaning part lies in, row by row from the upper
left; ``severity`` says how far it leans, 0 (upright) to 1 (45 degrees).
"""

from __future__ import annotations

import csv
import statistics
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workloads.command import make
from workloads.job import Job, Judged
from workloads.splitting import is_held_out

GRID = 3
SIDES = (320, 513)
JPEG_QUALITY = 90
UPRIGHT = np.array((70, 118, 48), np.float32)
LEANING = np.array((136, 132, 70), np.float32)
JOB = Job(samples=480, epochs=6, work=Path(__file__).with_name("made"))

Row = tuple[str, str, int, float]


def make_files(job: Job) -> None:
    """Writes pictures, masks and the two tables."""
    rows: dict[str, list[Row]] = {"train": [], "val": []}
    for index in range(job.samples):
        part = "val" if is_held_out(f"{index:05d}") else "train"
        rows[part].append(write_sample(job.work / "files" / part, index))
    for part, own in rows.items():
        table = job.work / "files" / part / "labels.csv"
        with table.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("image", "mask", "position", "severity"), *own])


def write_sample(folder: Path, index: int) -> Row:
    random = np.random.default_rng(index)
    position, severity = int(random.integers(GRID**2)), round(float(random.uniform(0.1, 1)), 3)
    pixels, mask = draw(random, position, severity)
    names = f"images/{index:05d}.jpg", f"masks/{index:05d}.png"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / names[0], quality=JPEG_QUALITY)
    Image.fromarray(mask).save(folder / names[1])
    return *names, position, severity


def read_table(folder: Path) -> list[dict[str, str]]:
    """The rows of a part's table."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def judged(found: Mapping[str, float], folder: Path) -> dict[str, Any]:
    """The fields of an `Outcome` on what each head has learned.

    Args:
        found: The metrics of the trained network, by name.
        folder: Of the held-out part.
    """
    guessed = trivial(folder)
    first, *others = (
        Judged(
            metric=name,
            value=found[name],
            trivial=guessed[name],
            is_lower_better=name.endswith("mae"),
        )
        for name in guessed
    )
    return {**vars(first), "others": tuple(others)}


def trivial(folder: Path) -> dict[str, float]:
    """What each task's metric is without looking: one position, one severity, nothing leaning."""
    rows = read_table(folder)
    positions = Counter(row["position"] for row in rows)
    severities = [float(row["severity"]) for row in rows]
    middle = statistics.median(severities)
    upright = statistics.fmean(
        float((np.asarray(Image.open(folder / row["mask"])) == 0).mean()) for row in rows
    )
    return {
        "mask/miou": upright / 2,
        "position/accuracy": positions.most_common(1)[0][1] / len(rows),
        "severity/mae": statistics.fmean(abs(severity - middle) for severity in severities),
    }


def draw(
    random: np.random.Generator, position: int, severity: float
) -> tuple[np.ndarray, np.ndarray]:
    """A picture (height, width, 3) and its mask (height, width), both uint8."""
    height, width = (int(side) for side in random.integers(*SIDES, size=2))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    row, column = divmod(position, GRID)
    middle_y = (row + random.uniform(0.35, 0.65)) / GRID * height
    middle_x = (column + random.uniform(0.35, 0.65)) / GRID * width
    radius_y, radius_x = random.uniform(0.12, 0.2, 2) * (height, width)
    ragged = 1 + 0.15 * np.sin(x / 9 + random.uniform(0, 6)) * np.sin(y / 7)
    mask = ((y - middle_y) / radius_y) ** 2 + ((x - middle_x) / radius_x) ** 2 < ragged

    # Rows of plants stand upright in the picture; where they lean, they are sheared.
    along = x + severity * mask * (y - middle_y)
    rows = 0.5 + 0.5 * np.cos(2 * np.pi * along / random.uniform(14, 22))
    straw = (0.4 * severity * mask)[..., None]
    colour = UPRIGHT * (1 - straw) + LEANING * straw
    light = random.uniform(0.75, 1.15) * (0.45 + 0.75 * rows)
    pixels = colour * light[..., None] + random.normal(0, 9, (height, width, 1))
    pixels += random.normal(0, 5, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8), mask.astype(np.uint8)


if __name__ == "__main__":
    make(__doc__, JOB, make_files)

"""Writes street scenes with a class id for every pixel, as CamVid has them.

    python -m workloads.segmentation_points.data        3 s; files/{train,val} in made/

    train/images/0001.png, train/masks/0001.png    ids 0..10, and 11 where nobody named the pixel
    val/...                                         likewise, for evaluation

Where ``--data DIR`` has ``DIR/camvid`` (images, masks, and pairs.txt with one ``image,mask`` a
line) its frames are taken, else scenes of four classes are drawn.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from fastdata.demo.scenes import make_scene
from workloads.command import make
from workloads.job import Job

UNNAMED = 11
HELD_OUT = 0.2
# Of the drawn scenes: the size of CamVid's frames, and the rows at the bottom that are not named.
SIZE = (480, 360)
UNNAMED_ROWS = 16
JOB = Job(samples=101, epochs=24, work=Path(__file__).with_name("made"))

Frame = tuple[Image.Image, Image.Image]


def make_files(job: Job) -> None:
    """Writes the frames; the last ones of the film are for evaluation.

    Each is much like its neighbours, so that frames chosen at random would be known from training.
    """
    camvid = None if job.data is None else job.data / "camvid"
    frames = list(islice(film(camvid) if camvid and camvid.is_dir() else drawn(), job.samples))
    for index, frame in enumerate(frames):
        part = "train" if index < (1 - HELD_OUT) * len(frames) else "val"
        for picture, kind in zip(frame, ("images", "masks"), strict=True):
            folder = job.work / "files" / part / kind
            folder.mkdir(parents=True, exist_ok=True)
            picture.save(folder / f"{index:04d}.png")


def film(folder: Path) -> Iterator[Frame]:
    """CamVid's frames and masks in the order in which they were filmed."""
    with (folder / "pairs.txt").open(encoding="utf-8", newline="") as stream:
        listed = sorted(csv.reader(stream))
    for image, mask in listed:
        yield Image.open(folder / image), Image.open(folder / mask)


def drawn() -> Iterator[Frame]:
    index = 0
    while True:
        scene = make_scene(1, index)
        mask = Image.fromarray(scene.mask).resize(SIZE, Image.Resampling.NEAREST)
        mask.paste(UNNAMED, (0, SIZE[1] - UNNAMED_ROWS, *SIZE))
        yield Image.fromarray(scene.image).resize(SIZE), mask
        index += 1


def trivial_miou(folder: Path) -> float:
    """Of calling every pixel by the most frequent class of a part, over the classes that occur."""
    pixels = sum(
        np.bincount(np.asarray(Image.open(path)).ravel(), minlength=UNNAMED + 1)
        for path in (folder / "masks").iterdir()
    )[:UNNAMED]
    return float(pixels.max() / pixels.sum() / np.count_nonzero(pixels))


if __name__ == "__main__":
    make(__doc__, JOB, make_files)

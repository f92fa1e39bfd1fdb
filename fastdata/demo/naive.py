"""The dataset of a script without fastdata: everything is done again for every sample."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from fastdata.distance import boundary

__all__ = ["FileScenes"]

Box = tuple[float, float, float, float]


class FileScenes(Dataset[tuple[Tensor, Tensor, Tensor, int]]):
    """Opens an image and a mask, computes the distance map, crops, flips and normalises.

    A sample is image (3, size, size) float32, mask (size, size) int64, distance to the nearest
    class boundary (size, size) float32 in pixels of the crop, and land.

    Args:
        table: CSV that `fastdata.demo.files.write_files` wrote.
        lands: Class names of the column land.
        size: Side of the square crop in pixels.
        truncate: Distances in source pixels are clipped to this.
        mean: Of the normalisation, for values 0..1.
        std: Of the normalisation.
    """

    def __init__(
        self,
        table: Path,
        *,
        lands: tuple[str, ...],
        size: int,
        truncate: float,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        with table.open(encoding="utf-8", newline="") as stream:
            self._rows = list(csv.DictReader(stream))
        self._folder = table.parent
        self._lands = lands
        self._size = size
        self._truncate = truncate
        self._mean = np.array(mean, np.float32) * 255
        self._std = np.array(std, np.float32) * 255

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, int]:
        row = self._rows[index]
        with Image.open(self._folder / row["image"]) as opened:
            image = opened.convert("RGB")
        with Image.open(self._folder / row["mask"]) as opened:
            mask = opened.copy()
        distances = np.minimum(boundary(np.asarray(mask)), self._truncate)
        box = _random_box(*image.size)
        # Distances are in pixels, so they shrink and grow with the crop.
        factor = self._size / math.sqrt((box[2] - box[0]) * (box[3] - box[1]))
        flip = bool(torch.rand(()) < 0.5)
        pixels = self._cut(image, box, Image.Resampling.BILINEAR, flip=flip)
        pixels = (pixels.astype(np.float32) - self._mean) / self._std
        ids = self._cut(mask, box, Image.Resampling.NEAREST, flip=flip)
        cut = self._cut(Image.fromarray(distances), box, Image.Resampling.BILINEAR, flip=flip)
        return (
            torch.from_numpy(pixels.transpose(2, 0, 1).copy()),
            torch.from_numpy(ids.astype(np.int64)),
            torch.from_numpy(cut * np.float32(factor)),
            self._lands.index(row["land"]),
        )

    def _cut(
        self, picture: Image.Image, box: Box, filter_: Image.Resampling, *, flip: bool
    ) -> NDArray[Any]:
        small = np.asarray(picture.resize((self._size, self._size), filter_, box=box))
        return small[:, ::-1] if flip else small


def _random_box(width: int, height: int) -> Box:
    """A box as torchvision's RandomResizedCrop draws it: left, top, right, bottom."""
    for _ in range(10):
        area = width * height * float(torch.empty(()).uniform_(0.08, 1.0))
        ratio = math.exp(float(torch.empty(()).uniform_(math.log(3 / 4), math.log(4 / 3))))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left = int(torch.randint(0, width - w + 1, ()))
            top = int(torch.randint(0, height - h + 1, ()))
            return left, top, left + w, top + h
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side

"""Resizing, whole or after a random crop."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fastdata.errors import UsageError
from fastdata.geometry import GeometryBuilder
from fastdata.transforms.base import Draw, Ints, Size, Transform, check_size, pair

__all__ = ["RandomResizedCrop", "Resize"]

Floats = npt.NDArray[np.float64]

# Boxes tried before the central one is taken, as in torchvision.
_TRIES = 10


@dataclass(frozen=True)
class Resize(Transform):
    """Resize to an exact (height, width), or the shorter side to a number, keeping the aspect.

    Attributes:
        size: (height, width) in pixels, or the length of the shorter side; the longer one is then
            rounded down, as in torchvision.
        max_size: The longer side is at most this; only with a number as `size`.
    """

    size: int | Size
    max_size: int | None = None

    def __post_init__(self) -> None:
        check_size(self, self.size)
        if self.max_size is not None and (
            not isinstance(self.size, int) or self.max_size <= self.size
        ):
            raise UsageError(f"{self}: max_size needs a number as size, and must be larger than it")

    def apply(self, builder: GeometryBuilder, draw: Draw) -> None:  # noqa: D102, ARG002
        builder.resize(self._results(builder.sizes))

    def _results(self, sizes: Ints) -> Ints:
        if not isinstance(self.size, int):
            return np.full_like(sizes, self.size)
        short, long = sizes.min(axis=1), sizes.max(axis=1)
        new_short = np.full_like(short, self.size)
        # As int(size * long / short), for positive whole numbers.
        new_long = self.size * long // np.maximum(short, 1)
        if self.max_size is not None:
            over = new_long > self.max_size
            new_short = np.where(over, self.max_size * new_short // new_long, new_short)
            new_long = np.minimum(new_long, self.max_size)
        is_portrait = (sizes[:, 0] > sizes[:, 1])[:, None]
        both = np.maximum(np.stack([new_short, new_long], axis=1), 1)
        results: Ints = np.where(is_portrait, both[:, ::-1], both)
        return results

    def output(self, size: Size | None) -> Size | None:  # noqa: D102
        if not isinstance(self.size, int):
            return self.size
        if size is None:
            return None
        height, width = self._results(np.array([size], dtype=np.int64))[0]
        return int(height), int(width)


@dataclass(frozen=True)
class RandomResizedCrop(Transform):
    """A box of random area and aspect ratio, resized to `size`.

    Ten boxes are tried; if none fits the image, the largest central one of an allowed ratio is
    taken.

    Attributes:
        size: (height, width) of the result, or one number for both.
        scale: Smallest and largest area of the box, as parts of the image's.
        ratio: Smallest and largest width / height of the box, drawn evenly in the logarithm.
    """

    size: int | Size
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        check_size(self, self.size)
        for low, high in (self.scale, self.ratio):
            if not 0 < low <= high:
                raise UsageError(
                    f"{self}: scale and ratio must be (low, high) with 0 < low <= high"
                )

    def apply(self, builder: GeometryBuilder, draw: Draw) -> None:  # noqa: D102
        sizes = builder.sizes
        numbers = draw(2 + 2 * _TRIES)
        extent, fits = self._tried(sizes, numbers[:, 2::2], numbers[:, 3::2])
        room = sizes - extent
        corner = np.floor(numbers[:, :2] * (room + 1)).astype(np.int64)
        if not fits.all():
            extent = np.where(fits[:, None], extent, self._central(sizes))
            corner = np.where(fits[:, None], corner, (sizes - extent) // 2)
        builder.crop(np.concatenate([corner, extent], axis=1))
        builder.resize(np.full_like(sizes, pair(self.size)))

    def _tried(
        self,
        sizes: Ints,
        areas: Floats,
        ratios: Floats,
    ) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Height and width of the first box that fits, and whether one does."""
        low, high = self.scale
        area = (sizes[:, :1] * sizes[:, 1:]) * (low + (high - low) * areas)
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        aspect = np.exp(low + (high - low) * ratios)
        heights, widths = np.rint(np.sqrt(area / aspect)), np.rint(np.sqrt(area * aspect))
        fits = (heights <= sizes[:, :1]) & (widths <= sizes[:, 1:]) & (heights * widths > 0)
        first = np.arange(len(sizes)), fits.argmax(axis=1)
        extent = np.stack([heights[first], widths[first]], axis=1)
        return extent.astype(np.int64), fits[first]

    def _central(self, sizes: Ints) -> Ints:
        height, width = sizes.T
        low, high = self.ratio
        tall, wide = width < low * height, width > high * height
        rows = np.where(tall, np.rint(width / low), height)
        columns = np.where(wide, np.rint(height * high), width)
        return np.clip(np.stack([rows, columns], axis=1).astype(np.int64), 1, sizes)

    def output(self, size: Size | None) -> Size | None:  # noqa: D102, ARG002
        return pair(self.size)

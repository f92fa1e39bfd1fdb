"""Flips and quarter turns: pixels change places and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastdata.geometry import GeometryBuilder
from fastdata.transforms.base import Draw, Size, Transform, check_probability

__all__ = ["HorizontalFlip", "Rotate90", "VerticalFlip"]


@dataclass(frozen=True)
class HorizontalFlip(Transform):
    """Left and right exchanged with probability `p`."""

    p: float = 0.5

    def __post_init__(self) -> None:
        check_probability(self, self.p)

    def apply(self, builder: GeometryBuilder, draw: Draw) -> None:  # noqa: D102
        chosen = draw(1)[:, 0] < self.p
        builder.flip(chosen, np.zeros_like(chosen))


@dataclass(frozen=True)
class VerticalFlip(Transform):
    """Top and bottom exchanged with probability `p`."""

    p: float = 0.5

    def __post_init__(self) -> None:
        check_probability(self, self.p)

    def apply(self, builder: GeometryBuilder, draw: Draw) -> None:  # noqa: D102
        chosen = draw(1)[:, 0] < self.p
        builder.flip(np.zeros_like(chosen), chosen)


@dataclass(frozen=True)
class Rotate90(Transform):
    """With probability `p`, 0 to 3 quarter turns counter-clockwise, each as likely."""

    p: float = 1.0

    def __post_init__(self) -> None:
        check_probability(self, self.p)

    def apply(self, builder: GeometryBuilder, draw: Draw) -> None:  # noqa: D102
        numbers = draw(2)
        quarters = np.floor(numbers[:, 1] * 4).astype(np.int64)
        builder.turn(np.where(numbers[:, 0] < self.p, quarters, 0))

    def output(self, size: Size | None) -> Size | None:  # noqa: D102
        return size if size is not None and size[0] == size[1] else None

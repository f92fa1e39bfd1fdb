"""What every transform is, and the checks that several of them share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from fastdata.errors import UsageError
from fastdata.geometry import GeometryBuilder

__all__ = ["Draw", "Ints", "Size", "Transform", "check_probability", "check_size", "pair"]

Size = tuple[int, int]
Ints = npt.NDArray[np.int64]
# Draws this many numbers a sample, float64 (B, count) in [0, 1).
Draw = Callable[[int], npt.NDArray[np.float64]]


class Transform:
    """One entry of the list given to a loader; see the subclasses."""

    def apply(self, builder: GeometryBuilder, draw: Draw) -> None:
        """Add this operation to the geometry of a batch."""

    def output(self, size: Size | None) -> Size | None:
        """Height and width after this operation if every sample has `size` before it, or None."""
        return size


def pair(size: int | Size) -> Size:
    """(height, width) of a size that may be one number for both."""
    return (size, size) if isinstance(size, int) else size


def check_size(transform: Transform, size: int | Size) -> None:
    """Refuse anything but one or two positive whole numbers.

    Raises:
        UsageError: `size` is something else.
    """
    sides = size if isinstance(size, tuple) else (size,)
    is_whole = all(isinstance(side, int) and not isinstance(side, bool) for side in sides)
    if not is_whole or len(sides) > 2 or isinstance(size, tuple) != (len(sides) == 2):
        raise UsageError(
            f"{transform}: size must be a number or a tuple (height, width), in pixels"
        )
    if min(sides) < 1:
        raise UsageError(f"{transform}: size must be at least 1 pixel")


def check_probability(transform: Transform, p: float) -> None:
    """Refuse a probability outside 0..1.

    Raises:
        UsageError: `p` is outside.
    """
    if not 0 <= p <= 1:
        raise UsageError(f"{transform}: p is a probability, from 0 to 1")

"""Which whole pixels of a source a box needs, with those that the resize's filter reaches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastdata.engines.dali.inputs import ImageInput
from fastdata.geometry import Geometry

__all__ = ["Window", "windows"]


class Window(NamedTuple):
    """What one sample needs of its source, and what becomes of it.

    Attributes:
        box: Top, left, height and width of the window, in whole pixels of the upright source.
        start: Top and left of the box that is wanted, in the same pixels.
        end: Bottom and right of it.
        size: Height and width after the resize, before turning.
        quarters: Quarter turns counter-clockwise.
        hflip: Whether left and right are exchanged then.
        vflip: Whether top and bottom are.
    """

    box: tuple[int, int, int, int]
    start: tuple[float, float]
    end: tuple[float, float]
    size: tuple[int, int]
    quarters: int = 0
    hflip: bool = False
    vflip: bool = False

    @property
    def top(self) -> int:
        """First row."""
        return self.box[0]

    @property
    def left(self) -> int:
        """First column."""
        return self.box[1]

    @property
    def rows(self) -> slice:
        """Its rows."""
        return slice(self.box[0], self.box[0] + self.box[2])

    @property
    def columns(self) -> slice:
        """Its columns."""
        return slice(self.box[1], self.box[1] + self.box[3])

    @property
    def copying(self) -> Geometry:
        """The geometry of a batch of one that copies the window."""
        none = np.zeros(1, np.bool_)
        return Geometry(
            boxes=np.array([self.box], np.float64),
            out_sizes=np.array([self.box[2:]], np.int32),
            resized=none,
            rot90=none.astype(np.uint8),
            hflip=none,
            vflip=none,
        )

    def input(
        self,
        data: NDArray[np.uint8],
        origin: tuple[int, int],
        *,
        part: tuple[int, int, int, int],
    ) -> ImageInput:
        """The sample as it is fed.

        Args:
            data: A file, or pixels.
            origin: Top and left, in the source, of what is decoded of it.
            part: What is decoded of it, in its own pixels.
        """
        (top, left), (bottom, right) = self.start, self.end
        return ImageInput(
            data,
            part,
            (top - origin[0], left - origin[1]),
            (bottom - origin[0], right - origin[1]),
            self.size,
            self.quarters,
            self.hflip,
            self.vflip,
        )


def windows(sizes: NDArray[np.int32], geometry: Geometry | None) -> list[Window]:
    """The windows of a batch.

    Args:
        sizes: Height and width of the sources, (B, 2).
        geometry: What to do with them; None takes them whole.
    """
    if geometry is None:
        return [Window((0, 0, h, w), (0, 0), (h, w), (h, w)) for h, w in sizes.tolist()]
    turned = (geometry.rot90 & 1).astype(np.bool_)[:, None]
    upright = np.where(turned, geometry.out_sizes[:, ::-1], geometry.out_sizes)
    start = geometry.boxes[:, :2]
    end = start + geometry.boxes[:, 2:]
    # The filter reaches one output pixel, or one source pixel when enlarging; one more for
    # rounding. A plain copy reaches nothing.
    reach = np.ceil(np.maximum(1.0, geometry.boxes[:, 2:] / upright)).astype(np.int64) + 1
    reach[~geometry.resized] = 0
    first = np.maximum(0, np.floor(start).astype(np.int64) - reach)
    last = np.minimum(sizes, np.ceil(end).astype(np.int64) + reach)
    boxes = np.concatenate([first, last - first], axis=1).tolist()
    return [
        Window(tuple(box), *rest)
        for box, *rest in zip(
            boxes,
            map(tuple, start.tolist()),
            map(tuple, end.tolist()),
            map(tuple, upright.tolist()),
            geometry.rot90.tolist(),
            geometry.hflip.tolist(),
            geometry.vflip.tolist(),
            strict=True,
        )
    ]

"""Which whole pixels of a source a box needs, with those that the resize's filter reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.engines.dali.inputs import ImageBatch
from fastdata.geometry import Geometry

__all__ = ["Windows", "windows"]


@dataclass(frozen=True)
class Windows:
    """What the samples of a batch need of their sources, and what becomes of it.

    Attributes:
        boxes: Top, left, height and width of the windows, in whole pixels of the upright sources,
            int32 (B, 4).
        start: Top and left of the boxes that are wanted, in the same pixels, float64 (B, 2).
        end: Bottom and right of them.
        sizes: Height and width after the resize, before turning, (B, 2).
        quarters: Quarter turns counter-clockwise, (B,).
        hflip: Whether left and right are exchanged then, (B,).
        vflip: Whether top and bottom are, (B,).
    """

    boxes: NDArray[np.int32]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    sizes: NDArray[Any]
    quarters: NDArray[Any]
    hflip: NDArray[Any]
    vflip: NDArray[Any]

    def are_whole(self, sizes: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether each window is all of its source, of this height and width; bool (B,)."""
        return np.asarray((self.boxes[:, 2:] == sizes).all(axis=1))

    def part(self, at: int) -> tuple[slice, slice]:
        """Rows and columns of one."""
        top, left, height, width = self.boxes[at].tolist()
        return slice(top, top + height), slice(left, left + width)

    def copying(self, at: int) -> Geometry:
        """The geometry of a batch of one that copies a window."""
        none = np.zeros(1, np.bool_)
        return Geometry(
            boxes=self.boxes[at : at + 1].astype(np.float64),
            out_sizes=self.boxes[at : at + 1, 2:],
            resized=none,
            rot90=none.astype(np.uint8),
            hflip=none,
            vflip=none,
        )

    def batch(
        self,
        data: Sequence[NDArray[np.uint8]],
        origins: NDArray[np.int32],
        parts: NDArray[np.int32],
    ) -> ImageBatch:
        """The samples as they are fed.

        Args:
            data: Files, or pixels.
            origins: Top and left, in the source, of what is decoded of each, (B, 2).
            parts: What is decoded of it, in its own pixels, (B, 4).
        """
        return ImageBatch(
            data=data,
            part=parts,
            start=(self.start - origins).astype(np.float32),
            end=(self.end - origins).astype(np.float32),
            size=self.sizes.astype(np.float32),
            quarters=self.quarters.astype(np.float32),
            hflip=self.hflip.astype(np.int32),
            vflip=self.vflip.astype(np.int32),
        )


def windows(sizes: NDArray[np.int32], geometry: Geometry | None) -> Windows:
    """The windows of a batch.

    Args:
        sizes: Height and width of the sources, (B, 2).
        geometry: What to do with them; None takes them whole.
    """
    if geometry is None:
        zeros = np.zeros_like(sizes)
        none = zeros[:, 0]
        whole = np.concatenate([zeros, sizes], axis=1)
        start, end = zeros.astype(np.float64), sizes.astype(np.float64)
        return Windows(whole, start, end, sizes, none, none, none)
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
    return Windows(
        boxes=np.concatenate([first, last - first], axis=1).astype(np.int32),
        start=start,
        end=end,
        sizes=upright,
        quarters=geometry.rot90,
        hflip=geometry.hflip,
        vflip=geometry.vflip,
    )

"""Geometry as data: which box of each source image becomes which output, and how it is turned.

A chain of crops, resizes, flips and turns composes into one box and one resampling a sample, so
pixels are touched once however long the chain is, and any engine can carry it out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Geometry", "GeometryBuilder"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Columns of boxes and of sizes: height, width, height, width.
_SIZE_TWICE = [2, 3, 2, 3]
_TWICE = [0, 1, 0, 1]


@dataclass(frozen=True)
class Geometry:
    """What happens to the B samples of a batch, in this order: box, resize, quarter turns, flips.

    Attributes:
        boxes: float64 (B, 4), top, left, height, width in pixels of the upright source; rows from
            top up to, not including, top + height.
        out_sizes: int32 (B, 2), height and width of the result, after turning.
        resized: bool (B,); False where the box lies on whole pixels and keeps its size, so that
            cropping is exact copying.
        rot90: uint8 (B,), quarter turns counter-clockwise, 0..3, after the resize (numpy.rot90).
        hflip: bool (B,), left and right exchanged, after turning.
        vflip: bool (B,), top and bottom exchanged, after turning.
        problems: (position in the batch, reason) of samples on which the chain is impossible, such
            as a crop larger than the image; the rows of the arrays above mean nothing there.
    """

    boxes: npt.NDArray[np.float64]
    out_sizes: npt.NDArray[np.int32]
    resized: npt.NDArray[np.bool_]
    rot90: npt.NDArray[np.uint8]
    hflip: npt.NDArray[np.bool_]
    vflip: npt.NDArray[np.bool_]
    problems: tuple[tuple[int, str], ...] = ()

    def __len__(self) -> int:
        return len(self.boxes)

    def part(self, start: int, stop: int) -> Geometry:
        """That of the samples from `start` up to, not including, `stop`."""
        rows = slice(start, stop)
        return Geometry(
            boxes=self.boxes[rows],
            out_sizes=self.out_sizes[rows],
            resized=self.resized[rows],
            rot90=self.rot90[rows],
            hflip=self.hflip[rows],
            vflip=self.vflip[rows],
            problems=tuple(
                (at - start, reason) for at, reason in self.problems if start <= at < stop
            ),
        )


class GeometryBuilder:
    """Composes operations, one after the other, over a whole batch.

    Operations speak of the image as it is after all earlier ones; the builder translates to the
    source.

    Args:
        sizes: (B, 2) height and width of the upright sources.
    """

    def __init__(self, sizes: npt.NDArray[np.integer]) -> None:
        count = len(sizes)
        self._box = np.zeros((count, 4), dtype=np.float64)
        self._box[:, 2:] = sizes
        # Height and width before turning; `sizes` tells them as they are now.
        self._plain = np.array(sizes, dtype=np.int64).reshape(count, 2)
        self._turns = np.zeros(count, dtype=np.int64)
        self._hflip = np.zeros(count, dtype=np.bool_)
        self._vflip = np.zeros(count, dtype=np.bool_)
        # Whether there were turns or flips, which most chains have last, or not at all.
        self._is_moved = False
        self._problems: dict[int, str] = {}

    @property
    def sizes(self) -> Ints:
        """int64 (B, 2), height and width as they are after all operations so far."""
        return self._turned(self._plain)

    def refuse(self, wrong: Bools, reason: str) -> None:
        """Note samples that an operation cannot take; `reason` may use {height} and {width}."""
        sizes = self.sizes
        for position in np.flatnonzero(wrong):
            height, width = sizes[position]
            self._problems.setdefault(int(position), reason.format(height=height, width=width))

    def crop(self, boxes: Ints) -> None:
        """Keep `boxes`, (B, 4) top, left, height, width in whole pixels of the current image."""
        kept = self._before_turning(boxes) if self._is_moved else boxes
        moved = self._box[:, _SIZE_TWICE] * kept / self._plain[:, _TWICE]
        moved[:, :2] += self._box[:, :2]
        self._box = moved
        self._plain = kept[:, 2:]

    def _before_turning(self, boxes: Ints) -> Ints:
        """The boxes in the image as it is before turns and flips."""
        top, left, height, width = boxes.T
        rows, columns = self.sizes.T
        top = np.where(self._vflip, rows - top - height, top)
        left = np.where(self._hflip, columns - left - width, left)
        for turn in range(1, 4):
            back = self._turns >= turn
            # numpy.rot90 takes out[i, j] from in[j, in_columns - 1 - i], and in_columns is rows.
            new_left = rows - top - height
            top, left = np.where(back, left, top), np.where(back, new_left, left)
            height, width = np.where(back, width, height), np.where(back, height, width)
            rows, columns = np.where(back, columns, rows), np.where(back, rows, columns)
        return np.stack([top, left, height, width], axis=1)

    def resize(self, sizes: Ints) -> None:
        """Resample to `sizes`, (B, 2) height and width of the current image."""
        self._plain = self._turned(sizes)

    def _turned(self, sizes: Ints) -> Ints:
        """Height and width exchanged where the image lies on its side."""
        if not self._is_moved:
            return sizes
        return np.where((self._turns & 1).astype(np.bool_)[:, None], sizes[:, ::-1], sizes)

    def flip(self, horizontal: Bools, vertical: Bools) -> None:
        """Exchange left and right, or top and bottom, where (B,) says so."""
        self._is_moved = True
        self._hflip = self._hflip ^ horizontal
        self._vflip = self._vflip ^ vertical

    def turn(self, quarters: Ints) -> None:
        """Turn counter-clockwise by (B,) quarter turns, 0..3."""
        self._is_moved = True
        odd = (quarters & 1).astype(np.bool_)
        # A quarter turn after a horizontal flip equals a vertical flip after the quarter turn.
        self._hflip, self._vflip = (
            np.where(odd, self._vflip, self._hflip),
            np.where(odd, self._hflip, self._vflip),
        )
        self._turns = (self._turns + quarters) % 4

    def build(self) -> Geometry:
        """The composed geometry."""
        whole = (self._box == np.rint(self._box)).all(axis=1)
        same = (self._box[:, 2:] == self._plain).all(axis=1)
        return Geometry(
            boxes=self._box,
            out_sizes=self.sizes.astype(np.int32),
            resized=~(whole & same),
            rot90=self._turns.astype(np.uint8),
            hflip=self._hflip,
            vflip=self._vflip,
            problems=tuple(sorted(self._problems.items())),
        )

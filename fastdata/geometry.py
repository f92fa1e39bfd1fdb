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
        self._problems: dict[int, str] = {}

    @property
    def sizes(self) -> Ints:
        """int64 (B, 2), height and width as they are after all operations so far."""
        turned = (self._turns & 1).astype(np.bool_)
        return np.where(turned[:, None], self._plain[:, ::-1], self._plain)

    def refuse(self, wrong: Bools, reason: str) -> None:
        """Note samples that an operation cannot take; `reason` may use {height} and {width}."""
        sizes = self.sizes
        for position in np.flatnonzero(wrong):
            height, width = sizes[position]
            self._problems.setdefault(int(position), reason.format(height=height, width=width))

    def crop(self, boxes: Ints) -> None:
        """Keep `boxes`, (B, 4) top, left, height, width in whole pixels of the current image."""
        top, left, height, width = boxes.T.copy()
        rows, columns = self.sizes.T
        top = np.where(self._vflip, rows - top - height, top)
        left = np.where(self._hflip, columns - left - width, left)
        for turn in range(1, 4):
            back = self._turns >= turn
            if back.any():
                # numpy.rot90 takes out[i, j] from in[j, in_columns - 1 - i], and in_columns is
                # rows.
                new_left = rows - top - height
                top, left = np.where(back, left, top), np.where(back, new_left, left)
                height, width = np.where(back, width, height), np.where(back, height, width)
                rows, columns = np.where(back, columns, rows), np.where(back, rows, columns)
        kept = np.stack([top, left, height, width], axis=1)
        extent = np.tile(self._box[:, 2:], 2)
        moved = extent * kept / np.tile(self._plain, 2)
        self._box = np.concatenate([self._box[:, :2] + moved[:, :2], moved[:, 2:]], axis=1)
        self._plain = kept[:, 2:]

    def resize(self, sizes: Ints) -> None:
        """Resample to `sizes`, (B, 2) height and width of the current image."""
        turned = (self._turns & 1).astype(np.bool_)
        self._plain = np.where(turned[:, None], sizes[:, ::-1], sizes)

    def flip(self, horizontal: Bools, vertical: Bools) -> None:
        """Exchange left and right, or top and bottom, where (B,) says so."""
        self._hflip = self._hflip ^ horizontal
        self._vflip = self._vflip ^ vertical

    def turn(self, quarters: Ints) -> None:
        """Turn counter-clockwise by (B,) quarter turns, 0..3."""
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

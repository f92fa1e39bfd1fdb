"""Random geometry, drawn for several batches in one go.

Drawing for 16 batches costs little more than for one: a few dozen NumPy calls on small arrays,
each of them slow at the start since decoding has emptied the caches in between.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastdata.geometry import Geometry

__all__ = ["DRAWN_SAMPLES", "Drawn"]

DRAWN_SAMPLES: Final = 2048
"""Samples to draw for in one go: a few MB of intermediate arrays, 3 ms."""


class Drawn(NamedTuple):
    """The geometry of samples.

    Attributes:
        geometry: In pixels of the reference field.
        sizes: What it was drawn for: height and width of that field's sources, int32 (B, 2).
    """

    geometry: Geometry
    sizes: NDArray[np.int32]

    def part(self, start: int, stop: int) -> Drawn:
        """That of some of the samples, which follow each other."""
        return Drawn(self.geometry.part(start, stop), self.sizes[start:stop])

"""Work of a batch that is shared among threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np

__all__ = ["each"]

# Slices a batch is cut into for several threads: enough to even out images of different cost.
_SLICES: Final = 16


def each(positions: Sequence[int], make: Callable[[int], Any], threads: int) -> list[Any]:
    """What `make` gives for each position, in order."""
    if threads <= 1 or len(positions) <= 1:
        return list(map(make, positions))
    parts = np.array_split(np.asarray(positions), min(_SLICES, len(positions)))
    with ThreadPoolExecutor(threads, "fastdata-crop") as executor:
        made = executor.map(lambda part: [make(at) for at in part.tolist()], parts)
        return [entry for part in made for entry in part]

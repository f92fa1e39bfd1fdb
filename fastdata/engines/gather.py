"""Batches that are nothing but gathers: several tiny ones in one go, handed out as slices.

A batch of 128 windows takes a few microseconds to gather, less than the calls around it. Batches
are therefore gathered by the megabyte and cut, and no thread is worth its hand-over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch

from fastdata.engines.arrays import Assemble
from fastdata.engines.located import Located
from fastdata.engines.take import Take
from fastdata.engines.work import Indices

__all__ = ["GatherArrays", "batches_at_once", "gathered"]

Gather = Callable[[Indices], tuple[torch.Tensor, ...]]

# What fits a core's second-level cache is gathered fastest: batches of 128 windows of 24x12 floats
# came at 35 M/s in groups of 8 (1.2 MB), at 17 M/s alone, at 25 M/s in groups of 32.
_GROUP_BYTES = 1 << 20
_MAX_GROUP = 64


def batches_at_once(gather: Gather, batch_size: int) -> int:
    """How many batches to gather in one go, from the size of one sample."""
    sample_bytes = sum(value.nbytes for value in gather(np.zeros(1, np.int64)))
    batch_bytes = max(1, sample_bytes * batch_size)
    return max(1, min(_MAX_GROUP, _GROUP_BYTES // batch_bytes))


def gathered(
    groups: Iterable[tuple[Indices, list[int]]], gather: Gather, assemble: Assemble
) -> Iterator[Any]:
    """Batches, one for each size in each group.

    Batches of a group share one storage but no element of it, and it is never used again: a batch
    may be kept and written to.
    """
    for indices, sizes in groups:
        values = gather(indices)
        if len(sizes) == 1:
            yield assemble(values)
        else:
            parts = (torch.split(value, sizes) for value in values)
            yield from map(assemble, zip(*parts, strict=True))


class GatherArrays:
    """Gathers the arrays of a located dataset.

    Args:
        located: Where its samples lie.
        takes: For each leaf, one gather an array.
    """

    def __init__(self, located: Located, takes: list[list[Take]]) -> None:
        self._located = located
        self._takes = takes

    def __call__(self, indices: Indices) -> tuple[torch.Tensor, ...]:
        """The rows of these samples, one tensor an array."""
        parts = list(self._located.parts(indices))
        if len(parts) == 1 and parts[0].positions is None:
            return tuple(take(parts[0].rows) for take in self._takes[0])
        pieces = [[take(part.rows) for take in self._takes[part.leaf]] for part in parts]
        order = np.argsort(np.concatenate([part.positions for part in parts]))
        back = torch.from_numpy(order)
        return tuple(
            torch.cat(column).index_select(0, back.to(column[0].device))
            for column in zip(*pieces, strict=True)
        )

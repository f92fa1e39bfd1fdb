"""Batches that are nothing but gathers, so quick that no thread is worth its hand-over.

A batch of 128 windows takes a few microseconds to copy, less than what leads up to it. Samples are
therefore located for many batches in one go; what is tiny is also gathered so, and cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from fastdata.engines.take import Take
from fastdata.engines.work import Indices

__all__ = ["GROUP", "Assemble", "gathered"]

Assemble = Callable[[tuple[torch.Tensor, ...]], Any]
"""The tensors of a batch to what the user gets."""

GROUP = 32
"""Batches to locate in one go: enough to make its cost vanish, a few KB of offsets."""

# Above this a batch is copied by itself, into memory that the last one has just left in the cache:
# 24x12 float windows took 5 us a batch of 128 (147 KB) that way, 8 us in groups of four.
_TINY_BYTES = 32 << 10


def gathered(
    groups: Iterable[tuple[Indices, list[int]]], takes: Sequence[Take], assemble: Assemble
) -> Iterator[Any]:
    """Batches, one for each size in each group; the sizes of a group are equal.

    Tiny tensors of a group share one storage but no element of it, and it is never used again: a
    batch may be kept and written to.
    """
    sample_bytes: list[int] | None = None
    for indices, sizes in groups:
        if sample_bytes is None:
            first = indices[:1] if len(indices) else np.zeros(0, np.int64)
            sample_bytes = [take(first).nbytes for take in takes]
        if len(sizes) == 1:
            yield assemble(tuple(take(indices) for take in takes))
            continue
        size = sizes[0]
        columns = [
            _cut(take, indices, size, tiny=count * size < _TINY_BYTES)
            for take, count in zip(takes, sample_bytes, strict=True)
        ]
        yield from map(assemble, zip(*columns, strict=True))


def _cut(take: Take, indices: Indices, size: int, *, tiny: bool) -> Iterable[torch.Tensor]:
    places = take.locate(indices)
    if tiny:
        # "Unsafe" concerns views under autograd; these are of a tensor that nobody else has.
        parts: Iterable[torch.Tensor] = torch.unsafe_split(take.pull(places), size)
        return parts
    return map(take.pull, places.reshape(-1, size))

"""Which samples an epoch's batches hold, as a pure function of (seed, epoch).

The order of an epoch is cut into global batches of ``batch_size * world`` samples; of each, rank r
takes every ``world``-th sample from r on. A position in an epoch is therefore one number, the
samples that all ranks together have consumed, and what is left can be cut for another world size.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Indices", "Shard", "cut", "epoch_order", "fingerprint", "shard_length", "together"]

Indices = NDArray[np.int64]

_MASK_64 = (1 << 64) - 1
# Enough of an order to tell two of them apart, in microseconds.
_FINGERPRINT_SAMPLES = 4096


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The batches of one rank in one epoch, or in what is left of it.

    Attributes:
        full: Sample indices of the batches of equal size, int64 (batches, batch_size).
        tail: The shorter batches at the end: none, one or two.
        ends: Samples that all ranks together have consumed after each batch, int64 (len(self),).
    """

    full: Indices
    tail: tuple[Indices, ...]
    ends: Indices

    def __len__(self) -> int:
        return len(self.full) + len(self.tail)

    def __iter__(self) -> Iterator[Indices]:
        yield from self.full
        yield from self.tail

    def __getitem__(self, batch: int) -> Indices:
        """The sample indices of one batch, counted from 0."""
        return self.full[batch] if batch < len(self.full) else self.tail[batch - len(self.full)]

    def last(self, batches: int) -> Shard:
        """So many of the last full batches; where there are fewer, they come again and again."""
        count = len(self.full)
        chosen = np.arange(count - batches, count) % count if count else ()
        return together([self.full[at] for at in chosen])

    def groups(self, batches: int) -> Iterator[tuple[Indices, list[int]]]:
        """Up to `batches` batches at a time: their indices in one array, and the size of each."""
        size = self.full.shape[1]
        for start in range(0, len(self.full), batches):
            group = self.full[start : start + batches]
            yield group.reshape(-1), [size] * len(group)
        for batch in self.tail:
            yield batch, [len(batch)]


def together(batches: Sequence[Indices]) -> Shard:
    """Batches of one size, which are no epoch's: what was consumed after each is not told."""
    full = np.stack(batches) if len(batches) else np.zeros((0, 1), np.int64)
    return Shard(full=full, tail=(), ends=np.zeros(len(full), np.int64))


def epoch_order(count: int, *, shuffle: bool, seed: int, epoch: int) -> Indices:
    """All sample indices 0..count-1 in the order of this epoch, int64 (count,)."""
    if not shuffle:
        return np.arange(count, dtype=np.int64)
    key = np.array([seed & _MASK_64, epoch & _MASK_64], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).permutation(count).astype(np.int64)


def fingerprint(order: Indices) -> int:
    """A checksum of how an order begins.

    NumPy may change the numbers of a generator's method in a later version; a resume that would
    silently follow another order is found by comparing this.
    """
    return zlib.crc32(order[:_FINGERPRINT_SAMPLES].astype("<i8").tobytes())


def cut(
    order: Indices, *, batch_size: int, rank: int, world: int, drop_last: bool, consumed: int = 0
) -> Shard:
    """The batches of `rank` after all ranks together have consumed `consumed` samples of `order`.

    All ranks get the same number of batches, none of them empty. When the last global batch has
    fewer samples than there are ranks, the one before it gives up as many as are missing. Only
    when it cannot (``batch_size=1``, or hardly any samples) are samples repeated, each rank getting
    one, as DistributedSampler does. With `drop_last` the last short global batch is left out.
    """
    rest = order[consumed:]
    whole = batch_size * world
    count, short = divmod(len(rest), whole)
    last: list[Indices] = []
    ends = [consumed + whole * (index + 1) for index in range(count)]
    if short and not drop_last:
        last, count = _tail(rest, count=count, batch_size=batch_size, world=world)
        ends[count:] = consumed + count * whole + np.cumsum([len(part) for part in last])
        ends[-1] = len(order)
    full = rest[: count * whole].reshape(count, batch_size, world)[:, :, rank]
    return Shard(
        full=np.ascontiguousarray(full),
        tail=tuple(np.ascontiguousarray(part[rank::world]) for part in last),
        ends=np.array(ends, dtype=np.int64),
    )


def shard_length(count: int, *, batch_size: int, world: int, drop_last: bool) -> int:
    """How many batches each rank gets from `count` samples."""
    whole = batch_size * world
    return count // whole if drop_last else -(-count // whole)


def _tail(rest: Indices, *, count: int, batch_size: int, world: int) -> tuple[list[Indices], int]:
    """The last global batches that are not full, and how many full ones stay before them."""
    whole = batch_size * world
    short = len(rest) - count * whole
    if short >= world:
        return [rest[count * whole :]], count
    if count and batch_size > 1:
        return [rest[(count - 1) * whole : -world], rest[-world:]], count - 1
    return [np.resize(rest[count * whole :], world)], count

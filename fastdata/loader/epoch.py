"""One pass over a loader: what its batches hold, and the iterator that hands them out."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from fastdata.engines.work import EMPTY, Batches, Skip
from fastdata.loader.order import Indices, Shard
from fastdata.loader.state import Position

__all__ = ["EpochIterator", "SampledWork", "SkipLog", "as_indices"]

_log = logging.getLogger("fastdata.loader")


class SkipLog:
    """Samples that were left out, each once; the first one is also a warning in the log."""

    def __init__(self) -> None:
        self._entries: dict[int, Skip] = {}

    def __call__(self, skips: Sequence[Skip]) -> None:
        """Adds samples."""
        if not self._entries:
            first = skips[0]
            _log.warning(
                "left out sample %s (%s): %s; further ones are only listed in loader.skipped",
                *first,
            )
        for skip in skips:
            self._entries.setdefault(skip.sample, skip)

    @property
    def entries(self) -> tuple[Skip, ...]:
        """All of them, in the order they were met."""
        return tuple(self._entries.values())


class SampledWork:
    """Batches as a user's sampler yields them, from some batch on.

    Args:
        sampler: Yields batches of indices, or single indices.
        skipped_batches: How many to leave out at the beginning.

    Attributes:
        rest: Those that the last pass has not come to.
    """

    def __init__(self, sampler: Iterable[Any], skipped_batches: int) -> None:
        self._sampler = sampler
        self._skipped_batches = skipped_batches
        self.rest: Iterator[Any] = iter(())

    def __iter__(self) -> Iterator[Any]:
        self.rest = itertools.islice(iter(self._sampler), self._skipped_batches, None)
        return self.rest


def as_indices(batch: Any, count: int) -> Indices:
    """What a user's sampler yields for a batch, as int64 (B,) within 0..count-1.

    Raises:
        IndexError: One is out of range, or they are no whole numbers.
    """
    array = np.asarray(batch)
    if array.size and (array.dtype.kind not in "iu" or array.ndim != 1):
        try:
            # A list of 0-dimensional tensors, for one.
            array = np.array([entry.__index__() for entry in batch])
        except (AttributeError, TypeError) as error:
            raise IndexError(
                f"a batch of sample indices is {batch!r}; expected integers"
            ) from error
    indices = array.astype(np.int64, copy=False)
    if indices.size and not -count <= indices.min() <= indices.max() < count:
        beyond = indices.max() if indices.max() >= count else indices.min()
        raise IndexError(f"sample {beyond} of a dataset of {count} samples")
    return np.where(indices < 0, indices + count, indices)


class EpochIterator:
    """Hands out the batches of one epoch; dropping it leaves no thread or process of its own.

    Several threads may take batches from it.

    Args:
        batches: The batches being made.
        position: Moved on with every batch.
        work: What they hold.
        sized: What the length of the epoch is the length of.
        move: Moves a batch to its device, or None.
        at_last: Called as soon as the last batch has come, what made it having been let go.
    """

    def __init__(
        self,
        batches: Batches,
        position: Position,
        *,
        work: Any,
        sized: Any,
        move: Callable[[Any], Any] | None,
        at_last: Callable[[], None] | None = None,
    ) -> None:
        self._batches = batches
        self._position = position
        self._work = work
        self._sized = sized
        self._move = move
        self._at_last = at_last
        self._failure = ""
        # What makes batches serves one caller at a time; several at once could wait for ever.
        self._lock = threading.RLock()

    def __iter__(self) -> EpochIterator:
        return self

    def __len__(self) -> int:
        return len(self._sized)

    @property
    def indices(self) -> Indices | None:
        """Sample indices of the batch handed out last, int64 (B,), those left out included.

        None before the first batch, and where a sampler of the user's own chooses them.
        """
        if not isinstance(self._work, Shard) or not self._position.batches:
            return None
        return self._work[self._position.batches - 1]

    @property
    def epoch(self) -> int:
        """The epoch."""
        return self._position.epoch

    def apart(self, batches: int) -> Iterable[Any]:
        """What so many batches hold that somebody else makes while this pass rests.

        Of the loader's own order they are the last ones, which are most likely not yet in any
        cache, and come in this pass all the same. Those of a sampler of the user's own are taken
        away from it, and the position moves on by them.
        """
        if isinstance(self._work, Shard):
            return self._work.last(batches)
        return self._taken(batches)

    def _taken(self, batches: int) -> Iterator[Any]:
        for batch in itertools.islice(self._work.rest, batches):
            self._position.skipped_batches += 1
            yield batch

    def __next__(self) -> Any:
        with self._lock:
            return self._next()

    def _next(self) -> Any:
        while True:
            try:
                batch = next(self._batches)
            except StopIteration:
                if self._failure:
                    # A generator ends at its first error; the epoch must not seem complete.
                    raise RuntimeError(f"the epoch was broken off: {self._failure}") from None
                self._position.finished = True
                raise
            except Exception as error:
                self._failure = str(error) if isinstance(self._batches, Generator) else ""
                raise
            self._position.batches += 1
            if self._at_last is not None and self._position.batches == len(self._work):
                self._batches = iter(())
                self._at_last()
            if batch is not EMPTY:
                return batch if self._move is None else self._move(batch)

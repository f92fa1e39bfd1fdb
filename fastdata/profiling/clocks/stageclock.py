"""Splits the time of making batches into stages, on the one thread that makes them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastdata.profiling.clocks.batches import NOWHERE, OPENED, Batch, SampleTimes, TimedIndices
from fastdata.profiling.clocks.splitting import StageKey, gaps
from fastdata.profiling.clocks.storage import Usage, thread_usage
from fastdata.timing import Clock

__all__ = ["OTHER", "PAGE_FAULTS", "StageClock"]

OTHER: StageKey = ("other", "")
"""What is in none of the stages."""

PAGE_FAULTS: StageKey = ("read", "page faults")
"""Waiting for storage on access to a mapped file, which no call reads."""

# To tell of a batch takes 0.1 ms where its decoding has driven the code out of the caches, most of
# it to load that again: for a few batches it costs little more than for one. So many, or those of
# so long, are what a killed process loses.
_TOGETHER = 16
_WITHIN_SECONDS = 1.0


class StageClock:
    """Times one batch after another; a stage inside another one takes its time from it.

    Args:
        on_batch: Told of each batch.
        clock: The wall clock.
        usage: Of the thread.
        keeps_some: Whether batches that are not split may be told of later, a few together; then
            `settle` is to be called before whoever makes them rests or ends.

    Attributes:
        is_splitting: Whether the batch that is being made is split into stages.
        slow_seconds: Of a batch that is not split, only samples that took longer are noted.
    """

    def __init__(
        self,
        on_batch: Callable[[Batch], None],
        *,
        clock: Clock = time.perf_counter,
        usage: Callable[[], Usage] = thread_usage,
        keeps_some: bool = False,
    ) -> None:
        self._on_batch = on_batch
        self._most_kept = _TOGETHER if keeps_some else 1
        self._clock = clock
        self._usage = usage
        self._used: Usage | None = None
        self._batch: Batch | None = None
        self._untold: list[Batch] = []
        self._told_at = 0.0
        self._stack: list[StageKey] = []
        self._since = 0.0
        self._ended = 0.0
        self._gaps = gaps()
        self._whole_left = next(self._gaps)
        self.is_splitting = True
        self.slow_seconds = 0.0

    @property
    def busy_seconds(self) -> float:
        """That went into batches so far; other threads may ask."""
        batch, ended = self._batch, self._ended
        return ended + (0.0 if batch is None else self._clock() - batch.start)

    @property
    def watches_faults(self) -> bool:
        """Whether the time of page faults is told from that of the stages they happen in."""
        return self._used is not None

    def begin(self, *, watches_faults: bool = False, many_turns: bool = False) -> float:
        """A batch begins.

        Args:
            watches_faults: Ask at each turn whether the thread had to wait for storage. That costs
                some microseconds, and is asked for only while something comes from there.
            many_turns: Split only some batches into stages, unless their page faults are watched.

        Returns:
            When it does, on the wall clock.
        """
        is_split = not many_turns or watches_faults
        if many_turns and self._whole_left:
            self._whole_left -= 1
        elif many_turns:
            is_split, self._whole_left = True, next(self._gaps)
        self.is_splitting = is_split
        self._used = self._usage() if watches_faults else None
        OPENED.files = []
        self._since = since = self._clock()
        self._batch = Batch(start=since, is_split=is_split)
        if is_split:
            self._stack = [OTHER]
        return since

    def end(self, *, is_whole: bool = True) -> None:
        """It is made, or has failed, or there was none any more."""
        assert self._batch is not None
        if self.is_splitting:
            self._turn()
        batch, self._batch = self._batch, None
        ended = self._since if batch.is_split else self._clock()
        batch.seconds = seconds = ended - batch.start
        self._ended += seconds
        OPENED.files = NOWHERE
        if not is_whole:
            return
        untold = self._untold
        untold.append(batch)
        is_time = len(untold) >= self._most_kept or ended - self._told_at > _WITHIN_SECONDS
        if is_time or batch.is_split:
            self._told_at = ended
            self.settle()

    @property
    def is_settled(self) -> bool:
        """Whether all batches that were made have been told of."""
        return not self._untold

    def settle(self) -> None:
        """Tells of those that were kept; on the thread that makes them, or when that has ended."""
        untold, self._untold = self._untold, []
        for batch in untold:
            batch.name_samples(0.0 if batch.is_split else self.slow_seconds)
            self._on_batch(batch)

    def enter(self, stage: str, operation: str = "") -> bool:
        """Turns to a stage; whoever gets True calls `leave`.

        Nothing is entered outside of a batch that is split, nor a stage again that encloses all
        without an operation of its own.
        """
        if self._batch is None or not self.is_splitting:
            return False
        if not operation and self._stack[-1][0] == stage:
            return False
        self._turn()
        key = stage, operation
        self._stack.append(key)
        count, seconds = self._batch.stages.get(key, (0, 0.0))
        self._batch.stages[key] = count + 1, seconds
        return True

    def leave(self) -> None:
        """Turns back."""
        self._turn()
        self._stack.pop()

    def leave_shared(self, parts: Mapping[StageKey, float]) -> None:
        """As `leave`, for a stage that threads have shared.

        Args:
            parts: Of its time, what belongs to other stages; seconds on the wall clock.
        """
        now = self._clock()
        took, self._since = now - self._since, now
        if self._used is not None:
            self._used = self._usage()
        whole = math.fsum(parts.values())
        scale = min(1.0, took / whole) if whole > 0 else 0.0
        for key, seconds in parts.items():
            self._add(key, seconds * scale, count=1)
        self._add(self._stack.pop(), took - whole * scale)

    def see_samples(self, indices: Any, seconds: Any, name: Callable[[int], str]) -> None:
        """Notes what threads took for each sample of the batch; see `SampleTimes`.

        What they take for another field of the same samples is added to it.
        """
        if self._batch is None:
            return
        before = self._batch.times
        if before is not None and len(before.seconds) == len(seconds):
            seconds = before.seconds + seconds
        self._batch.times = SampleTimes(indices=indices, seconds=seconds, name=name)

    def count_samples(self, size: int) -> None:
        """Notes how many samples the batch holds."""
        if self._batch is not None:
            self._batch.size = size or self._batch.size

    def timed(self, indices: Iterable[Any]) -> list[Any]:
        """The indices, for one who makes a sample of each before asking for the next.

        To look at the clock between two of them costs less than a call around each sample: once a
        picture was decoded, every function that is called has left the processor's caches.
        """
        assert self._batch is not None
        self._batch.timed = timed = TimedIndices(indices)
        timed.clock = self._clock
        return timed

    def _turn(self) -> None:
        assert self._batch is not None
        now = self._clock()
        seconds, self._since = now - self._since, now
        if self._used is not None:
            seconds -= self._waited(self._used, seconds)
        # As `_add` does, without its call: this runs ten times a sample.
        key = self._stack[-1]
        count, total = self._batch.stages.get(key, (0, 0.0))
        self._batch.stages[key] = count, total + seconds

    def _waited(self, before: Usage, seconds: float) -> float:
        """Takes down, of these seconds, those in which the thread waited for storage."""
        self._used = now = self._usage()
        if self._stack[-1][0] == "read" or now.faults == before.faults:
            return 0.0
        waited = min(seconds, max(0.0, seconds - (now.cpu - before.cpu)))
        self._add(PAGE_FAULTS, waited, count=now.faults - before.faults)
        return waited

    def _add(self, key: StageKey, seconds: float, *, count: int = 0) -> None:
        assert self._batch is not None
        before, total = self._batch.stages.get(key, (0, 0.0))
        self._batch.stages[key] = before + count, total + seconds

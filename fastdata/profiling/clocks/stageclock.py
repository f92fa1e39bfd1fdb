"""Splits the time of making batches into stages, on the one thread that makes them."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.profiling.clocks.splitting import Choice, StageKey
from fastdata.profiling.clocks.storage import Usage, thread_usage
from fastdata.timing import Clock

__all__ = ["PAGE_FAULTS", "Batch", "Sample", "SampleTimes", "StageClock", "note_opened"]

PAGE_FAULTS: StageKey = ("read", "page faults")
"""Waiting for storage on access to a mapped file, which no call reads."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample that was made.

    Attributes:
        index: As the dataset was asked for it; -1 where it has none.
        seconds: What it took.
        name: Of the first file that was opened for it.
    """

    index: int
    seconds: float
    name: str


@dataclass(kw_only=True)
class SampleTimes:
    """The samples of a batch that threads have made.

    Attributes:
        indices: As the dataset was asked for them, int64 (B,).
        seconds: Of the thread that made each, float64 (B,).
        name: That of a sample by its index.
    """

    indices: NDArray[np.int64]
    seconds: NDArray[np.float64]
    name: Callable[[int], str]


@dataclass(kw_only=True)
class Batch:
    """One batch that was made.

    Attributes:
        start: On the wall clock.
        seconds: What it took.
        stages: How often each stage and operation ran, and the seconds of its own.
        is_split: Whether it was split into them; else all of it is "other".
        samples: Those whose time is known, one by one; of a batch that is not split, the slow ones.
        times: Those of threads.
        size: Samples in it.
    """

    start: float
    seconds: float = 0.0
    stages: dict[StageKey, tuple[int, float]] = field(default_factory=dict)
    is_split: bool = True
    samples: list[Sample] = field(default_factory=list)
    times: SampleTimes | None = None
    size: int = 0


class _Opened(threading.local):
    """What was opened on this thread for the sample that it makes.

    Attributes:
        files: The first of them, as `open` was given it; None while no batch is made.
    """

    files: list[Any] | None = None


_OPENED = _Opened()


def note_opened(file: Any) -> None:
    """Notes that the calling thread opens a file, by whose name a sample may be called."""
    files = _OPENED.files
    if files is not None and not files:
        files.append(file)


class StageClock:
    """Times one batch after another; a stage inside another one takes its time from it.

    Args:
        on_batch: Told of each batch.
        clock: The wall clock.
        usage: Of the thread.

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
    ) -> None:
        self._on_batch = on_batch
        self._clock = clock
        self._usage = usage
        self._used: Usage | None = None
        self._batch: Batch | None = None
        self._stack: list[StageKey] = []
        self._since = 0.0
        self._ended = 0.0
        self._choice = Choice()
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

    def begin(self, *, watches_faults: bool = False, many_turns: bool = False) -> None:
        """A batch begins.

        Args:
            watches_faults: Ask at each turn whether the thread had to wait for storage. That costs
                some microseconds, and is asked for only while something comes from there.
            many_turns: Split only some batches into stages, unless their page faults are watched.
        """
        chosen = not many_turns or self._choice.takes_next()
        self.is_splitting = chosen or watches_faults
        self._used = self._usage() if watches_faults else None
        self._since = self._clock()
        self._batch = Batch(start=self._since, is_split=self.is_splitting)
        self._stack = [("other", "")]
        _OPENED.files = []

    def end(self, *, is_whole: bool = True) -> None:
        """It is made, or has failed, or there was none any more."""
        assert self._batch is not None
        self._turn()
        _OPENED.files = None
        batch, self._batch = self._batch, None
        batch.seconds = self._since - batch.start
        self._ended += batch.seconds
        if is_whole:
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
        found = _Timed(indices)
        found.each = self._time_each
        return found

    def _time_each(self, indices: Iterator[Any]) -> Iterator[Any]:
        clock, least = self._clock, 0.0 if self.is_splitting else self.slow_seconds
        batch, opened, size = self._batch, _OPENED.files, 0
        begun = clock()
        try:
            for index in indices:
                if opened:
                    opened.clear()
                yield index
                now = clock()
                seconds, begun = now - begun, now
                size += 1
                if seconds > least and batch is not None:
                    number = index if isinstance(index, int) else -1
                    batch.samples.append(Sample(index=number, seconds=seconds, name=_name(opened)))
        finally:
            if batch is not None:
                batch.size = size

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


class _Timed(list[Any]):
    """Indices that are timed while they are gone through."""

    each: Callable[[Iterator[Any]], Iterator[Any]]

    def __iter__(self) -> Iterator[Any]:
        return self.each(super().__iter__())


def _name(opened: list[Any] | None) -> str:
    first = opened[0] if opened else ""
    return os.fsdecode(first) if isinstance(first, str | bytes | os.PathLike) else ""

"""Splits the time of making batches into stages, on the one thread that makes them."""

from __future__ import annotations

import itertools
import math
import operator
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.profiling.clocks.splitting import Choice, StageKey
from fastdata.profiling.clocks.storage import Usage, thread_usage
from fastdata.timing import Clock

__all__ = ["OPENED", "PAGE_FAULTS", "Batch", "Sample", "SampleTimes", "StageClock"]

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


_NOWHERE: MutableSequence[Any] = deque(maxlen=0)


class _Opened(threading.local):
    """What is opened on a thread, by which the sample that it makes may be called.

    Attributes:
        files: As `open` was given them; those who open some append to it, and where no batch is
            made, nothing of that is kept.
    """

    files: MutableSequence[Any] = _NOWHERE


OPENED = _Opened()


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
        self._timed: _Timed | None = None
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
        OPENED.files = []

    def end(self, *, is_whole: bool = True) -> None:
        """It is made, or has failed, or there was none any more."""
        assert self._batch is not None
        self._turn()
        if self._timed is not None:
            self._take_samples(self._timed)
            self._timed = None
        OPENED.files = _NOWHERE
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
        self._timed = _Timed(indices, self._clock)
        return self._timed

    def _take_samples(self, of: _Timed) -> None:
        assert self._batch is not None
        least = 0.0 if self.is_splitting else self.slow_seconds
        seconds = of.seconds()
        self._batch.size = len(seconds)
        if self.is_splitting or max(seconds, default=0.0) > least:
            self._batch.samples += (
                Sample(index=of.number(place), seconds=one, name=_name(of.opened(place)))
                for place, one in enumerate(seconds)
                if one > least
            )

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
    """Indices that note when each is asked for, without a Python function between two of them.

    Args:
        indices: Of samples.
        clock: The wall clock.
    """

    def __init__(self, indices: Iterable[Any], clock: Clock) -> None:
        super().__init__(indices)
        self._clock = clock
        self._files: Sequence[Any] = ()
        # When each was asked for and how many files had been opened by then, the end included.
        self._times: list[float] = []
        self._counts: list[int] = []

    def __iter__(self) -> Iterator[Any]:
        self._files, self._times, self._counts = OPENED.files, [], []
        times = map(self._times.append, iter(self._clock, None))
        counts = map(self._counts.append, map(len, itertools.repeat(self._files)))
        return map(operator.itemgetter(2), zip(times, counts, super().__iter__(), strict=False))

    def seconds(self) -> list[float]:
        """What each sample took that was made."""
        return list(map(operator.sub, self._times[1:], self._times))

    def number(self, place: int) -> int:
        """The index of one as a number; -1 where it is none."""
        index = self[place]
        return index if isinstance(index, int) else -1

    def opened(self, place: int) -> Sequence[Any]:
        """The files that were opened for one."""
        return self._files[self._counts[place] : self._counts[place + 1]]


def _name(opened: Sequence[Any]) -> str:
    first = opened[0] if opened else ""
    return os.fsdecode(first) if isinstance(first, str | bytes | os.PathLike) else ""

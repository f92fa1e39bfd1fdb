"""A batch that was made, and how long each of its samples took."""

from __future__ import annotations

import operator
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.profiling.clocks.splitting import StageKey
from fastdata.timing import Clock

__all__ = ["NOWHERE", "OPENED", "Batch", "Sample", "SampleTimes", "TimedIndices"]


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


@dataclass(kw_only=True, slots=True)
class Batch:
    """One batch that was made.

    Attributes:
        start: On the wall clock.
        seconds: What it took.
        stages: How often each stage and operation ran, and the seconds of its own.
        is_split: Whether it was split into them; else there are none.
        samples: Those whose time is known, one by one; of a batch that is not split, the slow ones.
        timed: What these are taken from by `name_samples`.
        times: Those of threads.
        size: Samples in it.
    """

    start: float
    seconds: float = 0.0
    stages: dict[StageKey, tuple[int, float]] = field(default_factory=dict)
    is_split: bool = True
    samples: list[Sample] = field(default_factory=list)
    timed: TimedIndices | None = None
    times: SampleTimes | None = None
    size: int = 0

    def name_samples(self, least: float) -> None:
        """Takes in the samples of `timed` that took longer than `least` seconds."""
        if self.timed is None:
            return
        timed, self.timed = self.timed, None
        seconds = timed.seconds()
        self.size = len(seconds)
        if max(seconds, default=0.0) > least:
            self.samples += (timed.sample(at) for at, one in enumerate(seconds) if one > least)


NOWHERE: MutableSequence[Any] = deque(maxlen=0)


class _Opened(threading.local):
    """What is opened on a thread, by which the sample that it makes may be called.

    Attributes:
        files: As `open` was given them; those who open some append to it, and where no batch is
            made, nothing of that is kept.
    """

    files: MutableSequence[Any] = NOWHERE


OPENED = _Opened()


class TimedIndices(list[Any]):
    """Indices of samples that note when each is asked for.

    Attributes:
        clock: The wall clock.
    """

    clock: Clock
    _files: Sequence[Any] = ()
    # When each was asked for and how many files had been opened by then, the end included.
    _times: Sequence[float] = ()
    _counts: Sequence[int] = ()

    def __iter__(self) -> Iterator[Any]:
        # One frame that goes on costs half of what a chain of `itertools` does, whose many
        # functions are all out of the caches once a picture was decoded.
        clock, files = self.clock, OPENED.files
        times: list[float] = []
        counts: list[int] = []
        self._files, self._times, self._counts = files, times, counts
        for index in super().__iter__():
            times.append(clock())
            counts.append(len(files))
            yield index
        times.append(clock())
        counts.append(len(files))

    def seconds(self) -> list[float]:
        """What each sample took that was made."""
        return list(map(operator.sub, self._times[1:], self._times))

    def sample(self, at: int) -> Sample:
        """The one at this place."""
        index = self[at]
        opened = self._files[self._counts[at] : self._counts[at + 1]]
        first = opened[0] if opened else ""
        return Sample(
            index=index if isinstance(index, int) else -1,
            seconds=self._times[at + 1] - self._times[at],
            name=os.fsdecode(first) if isinstance(first, str | bytes | os.PathLike) else "",
        )

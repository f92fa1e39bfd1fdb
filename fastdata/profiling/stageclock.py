"""Splits the time of making batches into stages, on the one thread that makes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fastdata.timing import Clock

__all__ = ["Batch", "Sample", "StageClock", "StageKey"]

StageKey = tuple[str, str]
"""Stage and operation; the operation is empty for what belongs to the stage as a whole."""


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
class Batch:
    """One batch that was made.

    Attributes:
        start: On the wall clock.
        seconds: What it took.
        stages: How often each stage and operation ran, and the seconds of its own.
        samples: Those whose time is known, one by one.
    """

    start: float
    seconds: float = 0.0
    stages: dict[StageKey, tuple[int, float]] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)


class StageClock:
    """Times one batch after another; a stage inside another one takes its time from it.

    Args:
        on_batch: Told of each batch.
        clock: The wall clock.
    """

    def __init__(
        self, on_batch: Callable[[Batch], None], *, clock: Clock = time.perf_counter
    ) -> None:
        self._on_batch = on_batch
        self._clock = clock
        self._batch: Batch | None = None
        self._stack: list[StageKey] = []
        self._since = 0.0
        self._name = ""

    @property
    def is_running(self) -> bool:
        """Whether a batch is being made."""
        return self._batch is not None

    def begin(self) -> None:
        """A batch begins."""
        self._since = self._clock()
        self._batch = Batch(start=self._since)
        self._stack = [("other", "")]

    def end(self, *, is_whole: bool = True) -> None:
        """It is made, or has failed, or there was none any more."""
        assert self._batch is not None
        self._turn()
        batch, self._batch = self._batch, None
        if not is_whole:
            return
        batch.seconds = self._since - batch.start
        self._on_batch(batch)

    def enter(self, stage: str, operation: str = "") -> bool:
        """Turns to a stage; whoever gets True calls `leave`.

        Nothing is entered outside of a batch, nor a stage again that encloses all without an
        operation of its own.
        """
        if self._batch is None or (not operation and self._stack[-1][0] == stage):
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

    def time_sample(self, make: Callable[[], object], index: int) -> object:
        """The sample that `make` makes."""
        self._name, start = "", self._clock()
        sample = make()
        if self._batch is not None:
            seconds = self._clock() - start
            self._batch.samples.append(Sample(index=index, seconds=seconds, name=self._name))
        return sample

    def name_sample(self, name: str) -> None:
        """Notes what the sample that is being made is read from."""
        self._name = self._name or name

    def _turn(self) -> None:
        assert self._batch is not None
        now = self._clock()
        key = self._stack[-1]
        count, seconds = self._batch.stages.get(key, (0, 0.0))
        self._batch.stages[key] = count, seconds + now - self._since
        self._since = now

"""How long each step waits for data, and how long it computes, measured without waiting.

`fastdata.profiling.clocks.marks` says how exposed and hidden wait are told apart. The marks are
read at the next log line.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from fastdata.profiling.clocks.marks import StreamMarks, split_wait
from fastdata.timing import Clock

__all__ = ["StepClock", "StepTimes"]


@dataclass(frozen=True, kw_only=True)
class StepTimes:
    """Times since the clock was read before, in seconds.

    Attributes:
        wall: All that went by, without pauses and first batches.
        exposed: Wait for batches in which the device had nothing to do.
        hidden: Wait for batches that earlier work of the device covered.
    """

    wall: float
    exposed: float
    hidden: float


class StepClock:
    """Times the fetches of a loop.

    Args:
        device: Where the loop computes.
        clock: Where the CPU's time is read.
    """

    def __init__(self, device: torch.device, clock: Clock = time.perf_counter) -> None:
        self._marks = StreamMarks(device.index) if device.type == "cuda" else None
        self._clock = clock
        self._waits: list[tuple[float, Any, Any]] = []
        self._since = clock()
        self._left_out = 0.0
        self.first_batch_seconds = 0.0

    def timed(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The batches; the first one, which also starts workers, is timed by itself."""
        is_first = True
        while True:
            asked, start = self._clock(), self._event()
            try:
                batch = next(batches)
            except StopIteration:
                return
            seconds = self._clock() - asked
            if is_first:
                self.first_batch_seconds = seconds
                self._left_out += seconds
                is_first = False
            else:
                self._waits.append((seconds, start, self._event()))
            yield batch

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside belongs to no step."""
        start = self._clock()
        try:
            yield
        finally:
            self._left_out += self._clock() - start

    def read(self) -> StepTimes:
        """The times since the last reading; the device must have done all steps in between."""
        now, exposed, hidden = self._clock(), 0.0, 0.0
        for seconds, start, end in self._waits:
            is_marked = start is not None and end is not None
            stalled = start.elapsed_time(end) / 1e3 if is_marked else None
            shown, covered = split_wait(seconds, stalled)
            exposed += shown
            hidden += covered
        times = StepTimes(
            wall=max(now - self._since - self._left_out, 0.0), exposed=exposed, hidden=hidden
        )
        self._waits.clear()
        self._since, self._left_out = now, 0.0
        return times

    def _event(self) -> Any:
        return None if self._marks is None else self._marks.mark()

"""Clocks: how long something took, and how often it can be done in a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Clock", "Rate", "measure_rate"]

Clock = Callable[[], float]
"""A clock that only goes forward, in seconds; tests pass one of their own."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How often something was done in a measured time.

    Attributes:
        count: How many things were done.
        seconds: How long they took together.
    """

    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Things a second; 0 when no time went by."""
        return self.count / self.seconds if self.seconds > 0 else 0.0


def measure_rate(
    work: Callable[[], int], *, seconds: float, clock: Clock = time.perf_counter
) -> Rate:
    """Repeats `work` for at least `seconds`, after one round that is not counted.

    Args:
        work: Does something, and returns how many things it did.
        seconds: Least time to measure for.
        clock: Where the time is read.
    """
    work()
    count, start = 0, clock()
    while True:
        count += work()
        elapsed = clock() - start
        if elapsed >= seconds:
            return Rate(count=count, seconds=elapsed)

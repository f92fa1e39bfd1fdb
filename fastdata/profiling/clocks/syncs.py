"""Where a script makes the CPU wait for the GPU, by file and line."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import NamedTuple

__all__ = ["MOST_SITES", "SyncCensus", "SyncPlace"]

MOST_SITES = 100
"""Places that a census counts by themselves; calls from further ones are left out."""


class SyncPlace(NamedTuple):
    """A line of the script, and what it calls there.

    Attributes:
        file: Its path, as Python knows it.
        line: Counted from 1.
        call: Such as "Tensor.item".
    """

    file: str
    line: int
    call: str


class SyncCensus:
    """Counts waits, and how long they took.

    Args:
        inner: Beginnings of the paths whose code is never the place itself, such as torch's.
    """

    def __init__(self, inner: tuple[str, ...]) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._counts: dict[SyncPlace, tuple[int, float]] = {}

    def add(self, call: str, seconds: float) -> None:
        """Counts one, called from the innermost line outside of `inner`."""
        place = self._place(call)
        with self._lock:
            if place in self._counts or len(self._counts) < MOST_SITES:
                count, total = self._counts.get(place, (0, 0.0))
                self._counts[place] = count + 1, total + seconds

    def rows(self) -> list[tuple[SyncPlace, int, float]]:
        """Place, count and seconds together; what took longest comes first."""
        with self._lock:
            found = [(place, *counted) for place, counted in self._counts.items()]
        return sorted(found, key=lambda row: -row[2])

    def _place(self, call: str) -> SyncPlace:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename.startswith(self._inner):
            frame = frame.f_back
        if frame is None:
            return SyncPlace("", 0, call)
        return SyncPlace(frame.f_code.co_filename, frame.f_lineno, call)

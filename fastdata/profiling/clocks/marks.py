"""Points in time on the clock of whatever computes: the CPU's, or that of a GPU's stream.

A loop asks for a batch at t0 and has it at t1, while the stream's earlier work is done at q. An
event S recorded at t0 is reached at max(t0, q), an event E recorded at t1 at max(t1, S). So E - S
is the *exposed* wait, in which the GPU had nothing to do, and what is left of t1 - t0 was *hidden*
behind its work. Nothing waits for an event: it is asked later whether it was reached. On a CPU, S
and E are t0 and t1, and all wait is exposed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["StreamMarks", "cuda_marks", "split_wait"]


class StreamMarks:
    """Events on one stream of one CUDA device; used ones are used again.

    All lie on the stream on which the training computes, whichever is the current one while they
    are recorded: a copy on another stream delays the training only where it waits for that stream.

    Args:
        device: Index of the device; None for the current one.
    """

    def __init__(self, device: int | None = None) -> None:
        self._cuda = sys.modules["torch"].cuda
        self._device = self._cuda.current_device() if device is None else device
        self._stream = self._cuda.current_stream(self._device)
        self._is_capturing = self._cuda.is_current_stream_capturing
        # What the methods of the class hand on to, by which each call costs half.
        self._event: Any = self._cuda.Event.__base__
        self._free: list[Any] = []

    def follow(self) -> None:
        """Turns to what is now the current stream of the device."""
        if not self._is_capturing():
            self._stream = self._cuda.current_stream(self._device)

    def is_on(self, stream: Any) -> bool:
        """Whether the marks lie on this stream."""
        return bool(stream == self._stream)

    def mark(self) -> Any:
        """An event recorded now, in some microseconds; None where that is not allowed."""
        # A stream that is being captured into a graph refuses events that are read outside of it.
        if self._is_capturing():
            return None
        event = self._free.pop() if self._free else self._cuda.Event(enable_timing=True)
        self._event.record(event, self._stream)
        return event

    def is_reached(self, mark: Any) -> bool:
        """Whether the stream has come to the mark; never waits."""
        # To ask for an event would break off a capture that is under way.
        return not self._is_capturing() and bool(self._event.query(mark))

    def times(self, marks: Sequence[Any]) -> list[float]:
        """Seconds from the first of these marks to each, never falling; all were reached."""
        elapsed, first = self._event.elapsed_time, marks[0]
        now, seconds = 0.0, [0.0]
        for mark in marks[1:]:
            now = max(now, elapsed(first, mark) / 1e3)
            seconds.append(now)
        return seconds

    def release(self, marks: Iterable[Any]) -> None:
        """Takes back marks that nobody reads any more."""
        self._free += marks


def cuda_marks(device: int | None = None) -> StreamMarks | None:
    """Marks on the GPU's clock, or None where this process has not used a GPU so far.

    Args:
        device: Index of the GPU; None for the current one.
    """
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return None
    return StreamMarks(device)


def split_wait(waited: float, stalled: float | None) -> tuple[float, float]:
    """Exposed and hidden seconds of a wait.

    Args:
        waited: On the CPU's clock.
        stalled: From S to E on the stream's; None on a CPU.
    """
    exposed = waited if stalled is None else stalled
    # The stream stalls for longer than the CPU waited where it waits for a copy on another stream.
    return exposed, max(0.0, waited - exposed)

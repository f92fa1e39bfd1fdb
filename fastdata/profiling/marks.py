"""Points in time on the clock of whatever computes: the CPU's, or that of a GPU's stream.

A loop asks for a batch at t0 and has it at t1, while the stream's earlier work is done at q. An
event S recorded at t0 is reached at max(t0, q), an event E recorded at t1 at max(t1, S). So E - S
is the *exposed* wait, in which the GPU had nothing to do, and what is left of t1 - t0 was *hidden*
behind its work. Nothing waits for an event: it is asked later whether it was reached. On a CPU, S
and E are t0 and t1, and all wait is exposed.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["StreamMarks", "cuda_marks", "split_wait"]


class StreamMarks:
    """Events on the current stream of the current CUDA device; used ones are used again."""

    def __init__(self) -> None:
        self._free: list[Any] = []

    def mark(self) -> Any:
        """An event recorded now, in about a microsecond."""
        import torch

        # A stream that is being captured into a graph refuses events that are read outside of it.
        if torch.cuda.is_current_stream_capturing():
            return None
        if self._free:
            event = self._free.pop()
        else:
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def is_reached(self, mark: Any) -> bool:
        """Whether the stream has come to the mark; never waits."""
        return bool(mark.query())

    def seconds(self, start: Any, end: Any) -> float:
        """Between two marks that were reached."""
        return float(start.elapsed_time(end)) / 1e3

    def release(self, marks: list[Any]) -> None:
        """Takes back marks that nobody reads any more."""
        self._free += marks


def cuda_marks() -> StreamMarks | None:
    """Marks on the GPU's clock, or None where this process has not used a GPU so far."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return None
    return StreamMarks()


def split_wait(waited: float, stalled: float | None) -> tuple[float, float]:
    """Exposed and hidden seconds of a wait.

    Args:
        waited: On the CPU's clock.
        stalled: From S to E on the stream's; None on a CPU.
    """
    # The two clocks tick by themselves, and the stream's may see a little more than the CPU waited.
    exposed = waited if stalled is None else min(waited, stalled)
    return exposed, waited - exposed

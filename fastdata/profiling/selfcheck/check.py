"""One line of the table of errors."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Check"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One figure of the profiler beside what it must be.

    Attributes:
        gate: Such as "closed form".
        case: What was run.
        expected: In `unit`.
        measured: Likewise.
        tolerance: The largest error allowed.
        unit: "ms a step", "of the step", "of a batch" or "times the step alone".
    """

    gate: str
    case: str
    expected: float
    measured: float
    tolerance: float
    unit: str

    @property
    def error(self) -> float:
        """Signed."""
        return self.measured - self.expected

    @property
    def ok(self) -> bool:
        """Whether the error is within the tolerance."""
        return abs(self.error) <= self.tolerance

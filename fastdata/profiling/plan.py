"""How much of a run is measured, and what is tried after that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["NORMAL", "REPLAY_ALONE", "REPLAY_BESIDE", "Plan"]

NORMAL: Final = 0
REPLAY_ALONE: Final = 1
REPLAY_BESIDE: Final = 2

_MEASURED_BEFORE_REPLAY = 50


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The steps of a run.

    Attributes:
        warmup: Steps at the beginning that count for themselves.
        steps: Steady steps to measure after them; None measures all.
        loader_only: Whether nothing but a loader is measured: its epochs may be short, and a step
            that begins one is a step like others.
        replay: Steps that then get the same batch again, while the loader rests, and as many more
            while it runs; 0 leaves every batch as it is. The script trains on other data by it.
    """

    warmup: int = 10
    steps: int | None = None
    loader_only: bool = False
    replay: int = 0

    @property
    def measured(self) -> int | None:
        """Steady steps to measure; None measures all."""
        if self.steps is None and self.replay:
            return _MEASURED_BEFORE_REPLAY
        return self.steps

    def phase(self, done: int) -> int:
        """What the next step is for.

        Args:
            done: Steps before it.
        """
        measured = self.measured
        if not self.replay or measured is None or done < self.warmup + measured:
            return NORMAL
        tried = done - self.warmup - measured
        if tried >= 2 * self.replay:
            return NORMAL
        return REPLAY_ALONE if tried < self.replay else REPLAY_BESIDE

"""How much of a run is measured, and what is tried after that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastdata.profiling.record import LoaderFacts

__all__ = [
    "MORE_WORKERS",
    "NORMAL",
    "REPLAY_ALONE",
    "REPLAY_BESIDE",
    "WARM_CACHE",
    "Plan",
    "wanted_workers",
]

NORMAL: Final = 0
REPLAY_ALONE: Final = 1
MORE_WORKERS: Final = 2
WARM_CACHE: Final = 3
REPLAY_BESIDE: Final = 4

_MEASURED_BEFORE_REPLAY = 50

# A running loader may use an epoch up, so it comes last; what was read is read once more after it.
_TRIED = (REPLAY_ALONE, MORE_WORKERS, WARM_CACHE, REPLAY_BESIDE)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The steps of a run.

    Attributes:
        warmup: Steps at the beginning that count for themselves.
        steps: Steady steps to measure after them; None measures all.
        loader_only: Whether nothing but a loader is measured: its epochs may be short, and a step
            that begins one is a step like others.
        replay: Steps that then get the same batch again, while the loader rests, as many with more
            workers or threads, as many on samples just read, and as many with one batch while the
            loader runs; 0 leaves every batch as it is. The script trains on other data by it.
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
        return _TRIED[tried // self.replay] if tried < len(_TRIED) * self.replay else NORMAL


def wanted_workers(loader: LoaderFacts, *, cores: int) -> int:
    """Workers, or threads, to try next: twice as many, as long as there are cores for them."""
    if loader.gathers:
        return loader.workers
    return max(loader.workers, min(max(1, 2 * loader.workers), cores))

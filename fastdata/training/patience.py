"""The best evaluation so far, and how long ago it was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

__all__ = ["Patience"]


class Patience:
    """Follows one metric.

    Args:
        mode: Whether "min" or "max" is better.
        min_delta: What counts as an improvement.
        patience: Evaluations without one after which it is enough; None for never.
    """

    def __init__(self, mode: Literal["min", "max"], min_delta: float, patience: int | None) -> None:
        self.mode = mode
        self._sign = 1 if mode == "max" else -1
        self._min_delta = min_delta
        self._patience = patience
        self.best: float | None = None
        self.best_step: int | None = None
        self._since_best = 0

    def take(self, value: float, step: int) -> bool:
        """Takes the value of an evaluation; gives whether it is the best so far. NaN never is."""
        is_first = self.best is None and not math.isnan(value)
        if is_first or self._gain(value) > self._min_delta:
            self.best, self.best_step, self._since_best = value, step, 0
            return True
        self._since_best += 1
        return False

    @property
    def is_over(self) -> bool:
        """Whether the run should stop."""
        return self._patience is not None and self._since_best >= self._patience

    def state_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {"best": self.best, "best_step": self.best_step, "since_best": self._since_best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes what `state_dict` gave."""
        self.best, self.best_step = state["best"], state["best_step"]
        self._since_best = state["since_best"]

    def _gain(self, value: float) -> float:
        return -math.inf if self.best is None else self._sign * (value - self.best)

"""Gradients of several batches as one: each counts as much as it has samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Window"]


class Window:
    """The batches whose gradients make one step.

    The step's gradient is that of the mean loss over all samples of all ranks in it, N in number:
    ``sum(n_i / N * gradient_i)``. N is known when the window closes, so earlier batches count on a
    window of equal ones, and what they left is corrected once if that was wrong: at the end of an
    epoch, mostly. DDP averages over ranks, hence the factor `world`.

    Args:
        parameters: Those with the gradients.
        accumulate: Batches of this rank in a full window, from 1.
        world: Number of ranks.
    """

    def __init__(self, parameters: Sequence[Tensor], accumulate: int, world: int) -> None:
        self._parameters = parameters
        self._accumulate = accumulate
        self._world = world
        self.batches = 0
        self.samples = 0
        self._expected = 0

    @property
    def is_open(self) -> bool:
        """Whether gradients of a step that was not made yet are there."""
        return self.batches > 0

    def closes_with_next(self) -> bool:
        """Whether the next batch fills the window."""
        return self.batches + 1 >= self._accumulate

    def weigh(self, samples: int) -> float:
        """What the loss of a batch that does not close the window is multiplied by."""
        if not self.is_open:
            self._expected = samples * self._accumulate * self._world
        self.batches += 1
        self.samples += samples
        return samples * self._world / self._expected

    def close(self, samples: int, total: int) -> float:
        """Corrects what earlier batches left; gives the factor of the last batch's loss.

        Args:
            samples: Of this rank's last batch; 0 where there is none.
            total: Samples of all ranks in the window, this batch included.
        """
        if self.is_open and self._expected != total:
            left = [weight.grad for weight in self._parameters if weight.grad is not None]
            torch._foreach_mul_(left, self._expected / total)
        self.batches = self.samples = self._expected = 0
        return samples * self._world / total

    def state_dict(self) -> dict[str, int]:
        """Where in the window the run stands."""
        return {"batches": self.batches, "samples": self.samples, "expected": self._expected}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Takes what `state_dict` gave."""
        self.batches, self.samples = state["batches"], state["samples"]
        self._expected = state["expected"]

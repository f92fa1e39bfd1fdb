"""The learning rate of each step: a linear warm-up, then a cosine or a constant."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Optimizer

__all__ = ["Schedule", "lr_factor"]


def lr_factor(
    step: int, *, warmup_steps: int, total_steps: int | None, final_factor: float
) -> float:
    """The share of the peak rate that step `step` (from 0) trains with, in [0, 1].

    Args:
        step: Steps made before it.
        warmup_steps: Steps in which the rate rises; the last of them has the peak.
        total_steps: Where the cosine ends; None keeps the rate.
        final_factor: The share that it ends with.

    Source: I. Loshchilov and F. Hutter, "SGDR", ICLR 2017, equation 5, without restarts.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if total_steps is None:
        return 1.0
    done = min(1.0, (step - warmup_steps) / max(1, total_steps - 1 - warmup_steps))
    return final_factor + (1 - final_factor) * 0.5 * (1 + math.cos(math.pi * done))


class Schedule:
    """Sets an optimizer's learning rates as a function of the steps really made.

    Where only the GPU knows how many those are (float16 steps may be skipped), the number is a
    tensor, and so are the rates: looking them up makes nobody wait.

    Args:
        optimizer: Its groups' rates are the peaks, or their "initial_lr" of an earlier schedule.
        factor: The share of the peak, by the steps made before; see `lr_factor`.
        length: Steps after which the share stays.
    """

    def __init__(self, optimizer: Optimizer, factor: Callable[[int], float], length: int) -> None:
        self._optimizer = optimizer
        self._factor = factor
        self._length = length
        groups = optimizer.param_groups
        self._peaks = [float(group.get("initial_lr", group["lr"])) for group in groups]
        self._table: Tensor | None = None

    def set(self, made: int | Tensor) -> None:
        """Sets the rates for the step after `made` steps, an int or an int64 tensor ()."""
        share = self._looked_up(made) if isinstance(made, Tensor) else self._factor(made)
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            group["initial_lr"] = peak
            group["lr"] = peak * share

    def _looked_up(self, made: Tensor) -> Tensor:
        if self._table is None:
            shares = [self._factor(step) for step in range(self._length + 1)]
            self._table = torch.tensor(shares, device=made.device)
        return self._table.index_select(0, made.clamp(max=self._length).view(1))[0]

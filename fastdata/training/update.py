"""One update of the weights from the gradients that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fastdata.training.ema import WeightAverage
from fastdata.training.schedule import Schedule

__all__ = ["Updater", "skips_on_device"]


def skips_on_device(scaler: torch.amp.GradScaler, optimizer: Optimizer) -> bool:
    """Whether a step is skipped inside the optimizer's kernel, without the CPU knowing of it."""
    return scaler.is_enabled() and getattr(optimizer, "_step_supports_amp_scaling", False)


class Updater:
    """Clips, steps, and moves the schedule and the average on; a skipped step moves neither.

    Args:
        parameters: Those that are trained.
        optimizer: Of its parameters.
        scaler: Of gradients; disabled outside of float16.
        schedule: Of the learning rate.
        average: Of the weights, or None.
        clip_norm: Largest norm of the gradient, or None.
        on_nan: See `TrainConfig`.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        *,
        optimizer: Optimizer,
        scaler: torch.amp.GradScaler,
        schedule: Schedule,
        average: WeightAverage | None,
        clip_norm: float | None,
        on_nan: Literal["stop", "skip", "ignore"],
    ) -> None:
        self._parameters = parameters
        self._optimizer = optimizer
        self._scaler = scaler
        self._schedule = schedule
        self._average = average
        self._clip_norm = clip_norm
        self._skips_nan = on_nan == "skip" and not scaler.is_enabled()
        self._made: int | Tensor = 0
        if skips_on_device(scaler, optimizer):
            self._made = torch.zeros((), dtype=torch.int64, device=self._parameters[0].device)
        schedule.set(self._made)

    @property
    def made(self) -> int:
        """Steps made, without those skipped; asking may wait for the GPU."""
        return int(self._made)

    def step(self) -> None:
        """Makes one step, and drops the gradients."""
        if self._clip():
            self._scaler.step(self._optimizer)
            self._advance(self._found_infinite())
            self._scaler.update()
        self._optimizer.zero_grad(set_to_none=True)

    def _clip(self) -> bool:
        """Clips the gradients where that is wanted; gives whether a step is to be made of them."""
        if self._clip_norm is None and not self._skips_nan:
            return True
        self._scaler.unscale_(self._optimizer)
        gradients = [weight.grad for weight in self._parameters if weight.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if self._clip_norm is not None:
            nn.utils.clip_grads_with_norm_(self._parameters, self._clip_norm, norm)
        # The one wait for the GPU that on_nan="skip" costs.
        return not self._skips_nan or bool(norm.isfinite())

    def _found_infinite(self) -> int | Tensor:
        """1 where the scaler left the step out: a tensor where only the device knows."""
        if not self._scaler.is_enabled():
            return 0
        found = self._scaler._found_inf_per_device(self._optimizer)
        flag: Tensor = sum(found.values())
        if isinstance(self._made, Tensor):
            return flag.to(torch.int64)
        # An optimizer that is not fused has made the scaler wait already.
        return int(flag.item() > 0)

    def _advance(self, is_skipped: int | Tensor) -> None:
        advance = 1 - is_skipped
        self._made = self._made + advance
        self._schedule.set(self._made)
        if self._average is not None:
            self._average.update(self._made, advance)

    def state_dict(self) -> dict[str, Any]:
        """Optimizer, scaler and the steps made, as plain data."""
        optimizer = self._optimizer.state_dict()
        for group in optimizer["param_groups"]:
            group["lr"] = float(group["lr"])
        return {"optimizer": optimizer, "scaler": self._scaler.state_dict(), "made": self.made}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes what `state_dict` gave."""
        self._optimizer.load_state_dict(state["optimizer"])
        if self._scaler.is_enabled() and state["scaler"]:
            self._scaler.load_state_dict(state["scaler"])
        if isinstance(self._made, Tensor):
            self._made.fill_(state["made"])
        else:
            self._made = state["made"]
        self._schedule.set(self._made)

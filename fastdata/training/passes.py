"""Forward and backward passes: in the run's number format, and among its ranks."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fastdata.training.peers import Peers
from fastdata.training.precision import Precision
from fastdata.training.stepping import StepFunction, StepResult, as_result

__all__ = ["Passes"]


@dataclass(frozen=True, kw_only=True)
class Passes:
    """What a batch is put through.

    Attributes:
        model: As the step function calls it: compiled, wrapped for several ranks.
        step: Gives the loss of a batch.
        precision: Of forward and loss.
        scaler: Of gradients; disabled outside of float16.
        peers: The ranks that train the model.
    """

    model: nn.Module
    step: StepFunction
    precision: Precision
    scaler: torch.amp.GradScaler
    peers: Peers

    @property
    def is_shared(self) -> bool:
        """Whether several ranks train the model."""
        return self.peers.world > 1

    def exchange_gradients(self, wanted: bool) -> contextlib.AbstractContextManager[None]:
        """Ranks add up their gradients in a backward pass inside, unless it is not wanted."""
        if wanted or not self.is_shared:
            return contextlib.nullcontext()
        waits: contextlib.AbstractContextManager[None] = self.model.no_sync()  # type: ignore[operator]
        return waits

    def forward(self, batch: Any) -> StepResult:
        """The loss of a batch on the device."""
        with self.precision.autocast():
            return as_result(self.step(self.model, batch))

    def backward(self, loss: Tensor, weight: float) -> None:
        """Adds `weight` times the loss's gradient to that of the parameters."""
        self.scaler.scale(loss if weight == 1 else loss * weight).backward()  # type: ignore[no-untyped-call]

    def meet(self, batch: Any) -> None:
        """Takes part in the other ranks' exchange with a gradient that weighs nothing."""
        # In evaluation mode it draws no random numbers and moves no running statistics.
        self.model.eval()
        self.backward(self.forward(batch).loss, 0.0)
        self.model.train()

    def share_buffers(self) -> None:
        """Gives all ranks the first one's running statistics."""
        self.peers.share(self.model.buffers())

"""Evaluates a model in the middle of a run, and leaves the run as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

from fastdata.training import rng
from fastdata.training.ema import WeightAverage
from fastdata.training.evaluate import evaluate
from fastdata.training.metrics import Metrics
from fastdata.training.multiscale import MultiScale
from fastdata.training.peers import Peers
from fastdata.training.placement import Placed
from fastdata.training.stepping import StepFunction

__all__ = ["Evaluator"]


class Evaluator:
    """Evaluation with averaged weights and several scales, where they are wanted.

    Random numbers drawn in it, by loaders too, change nothing outside.

    Args:
        placed: The model on its device.
        step: What a batch is put through.
        metrics: What is measured besides the loss.
        average: Averaged weights to evaluate, or None for the model's own.
        scales: Image scales; see `TrainConfig.eval_scales`.
    """

    def __init__(
        self,
        placed: Placed,
        *,
        step: StepFunction,
        metrics: Metrics,
        average: WeightAverage | None,
        scales: tuple[float, ...],
    ) -> None:
        self._placed = placed
        self._model: nn.Module = placed.callable
        if scales != (1.0,):
            self._model = MultiScale(placed.callable, scales)
        self._step = step
        self._metrics = metrics
        self._average = average

    def __call__(
        self, loader: Iterable[Any], peers: Peers, between: Callable[[], None] = lambda: None
    ) -> dict[str, float]:
        """Metrics over a loader; `between` is called after each batch, and may raise."""
        placed, was_training = self._placed, self._placed.model.training
        placed.callable.eval()
        applied = contextlib.nullcontext() if self._average is None else self._average.applied()
        try:
            with rng.preserved(placed.device), applied:
                return evaluate(
                    self._model,
                    loader,
                    step=self._step,
                    move=placed.move,
                    device=placed.device,
                    precision=placed.precision,
                    metrics=self._metrics,
                    peers=peers,
                    between=between,
                )
        finally:
            placed.callable.train(was_training)

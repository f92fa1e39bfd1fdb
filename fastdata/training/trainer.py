"""Trainer: a training loop over any iterable of batches that a user reads once and trusts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.optim import Optimizer

from fastdata.training.config import MetricConfig, OptimizerConfig, TrainConfig
from fastdata.training.records import FitResult, Report
from fastdata.training.stepping import Loss, StepFunction

if TYPE_CHECKING:
    from torchmetrics import Metric

__all__ = ["Trainer"]


class Trainer:
    """Trains a model in mixed precision, without the CPU waiting for the GPU between log lines.

    Exactly one of `loss` and `step` says what is minimised. Under ``torchrun`` every rank builds
    the same Trainer; loaders are shared out among them.

    Args:
        model: Moved to the device by `fit`; its weights are the trained ones afterwards.
        loss: loss(output, target) for batches of (input, target): the mean over the samples. A
            module, such as a frozen perceptual network, is moved to the device too.
        step: step(model, batch) for everything else; it returns the loss, (loss, outputs, targets)
            or a `StepResult`. Forward and loss run under autocast.
        optimizer: One over the model's parameters, or the settings of the one to build; None is
            fused AdamW.
        metrics: What evaluation measures besides the loss: a `MetricConfig`, a torchmetrics metric,
            or several of either by name; several are reported as "name/metric".
        config: Settings of the run, or a dict of them.
        folder: Run folder; checkpoints go to its "checkpoints". None keeps none.
        report: Told of every record on rank 0; None writes lines to the logger "fastdata.training",
            and to stderr where logging was not set up.

    Raises:
        UsageError: Arguments that do not fit each other, found before anything is trained.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss | None = None,
        *,
        step: StepFunction | None = None,
        optimizer: Optimizer | OptimizerConfig | Mapping[str, Any] | None = None,
        metrics: MetricConfig | Metric | Mapping[str, MetricConfig | Metric] | None = None,
        config: TrainConfig | Mapping[str, Any] | None = None,
        folder: str | Path | None = None,
        report: Report | None = None,
    ) -> None:
        raise NotImplementedError

    def fit(
        self,
        train_loader: Iterable[Any],
        val_loader: Iterable[Any] | None = None,
        *,
        resume: bool | str | Path = False,
    ) -> FitResult:
        """Trains to the end of the epochs, `max_steps`, or patience.

        SIGTERM saves a checkpoint (when there is a folder) and raises SystemExit(143).

        Args:
            train_loader: A DataLoader, FastLoader, list, or anything that can be iterated again for
                each epoch.
            val_loader: Likewise; None evaluates nothing.
            resume: True goes on from the newest valid checkpoint in the folder, if there is any;
                a path from that one. The losses that follow are those of an unbroken run.

        Raises:
            CheckpointError: `resume` found checkpoints, but none that can be trusted.
            NonFiniteLoss: See `TrainConfig.on_nan`.
            UsageError: Settings that do not fit the loaders; the folder holds another run.
        """
        raise NotImplementedError

    def evaluate(self, loader: Iterable[Any]) -> dict[str, float]:
        """Mean loss and metrics over a loader, with the averaged weights where there are any."""
        raise NotImplementedError

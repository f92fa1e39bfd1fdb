"""What follows from settings and loaders before anything is trained: lengths, rates, patience."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer

from fastdata.errors import UsageError
from fastdata.training.config import TrainConfig
from fastdata.training.feed import length_of
from fastdata.training.metrics import Metrics
from fastdata.training.patience import Patience
from fastdata.training.peers import Peers
from fastdata.training.schedule import Schedule, lr_factor

__all__ = ["Plan", "patience_of", "plan_run", "schedule_of"]

# Share of the run in which the learning rate rises, where the settings do not say.
WARMUP_SHARE = 0.03


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long a run is; None where the training loader has no length.

    Attributes:
        epoch_batches: Batches of an epoch on this rank.
        total_steps: Steps of the whole run.
    """

    epoch_batches: int | None
    total_steps: int | None


def plan_run(config: TrainConfig, train_loader: Iterable[Any], peers: Peers) -> Plan:
    """How long the run is; all ranks follow one schedule, that of the longest loader.

    Raises:
        UsageError: The schedule needs an end, and there is none.
    """
    length = length_of(train_loader)
    longest = peers.largest(math.inf if length is None else length)
    if math.isinf(longest):
        if config.max_steps is None and config.schedule == "cosine":
            raise UsageError(
                "the training loader has no length, so the cosine schedule has no end; set "
                "max_steps, or schedule='constant'"
            )
        return Plan(epoch_batches=length, total_steps=config.max_steps)
    steps = math.ceil(longest / config.accumulate) * config.epochs
    most = steps if config.max_steps is None else config.max_steps
    return Plan(epoch_batches=length, total_steps=min(steps, most))


def schedule_of(config: TrainConfig, optimizer: Optimizer, total_steps: int | None) -> Schedule:
    """The learning rates of a run of `total_steps`."""
    warmup_steps = config.warmup_steps
    if warmup_steps is None:
        warmup_steps = math.ceil(WARMUP_SHARE * (total_steps or 0))
    factor = functools.partial(
        lr_factor,
        warmup_steps=warmup_steps,
        total_steps=total_steps if config.schedule == "cosine" else None,
        final_factor=config.final_lr_factor,
    )
    return Schedule(optimizer, factor, max(total_steps or 0, warmup_steps))


def patience_of(config: TrainConfig, metrics: Metrics, *, evaluates: bool) -> Patience:
    """What follows the monitored metric.

    Raises:
        UsageError: There is no such metric, nobody knows which way it is better, or a run that
            never evaluates is to stop early.
    """
    direction = metrics.direction(config.monitor)
    mode = direction if config.monitor_mode == "auto" else config.monitor_mode
    if mode is None:
        raise UsageError(
            f"monitor={config.monitor!r} does not say what is better; set monitor_mode"
        )
    if config.patience is not None and not evaluates:
        raise UsageError("patience needs evaluations; pass a val_loader, and set eval_interval")
    return Patience(mode, config.min_delta, config.patience)

"""Puts the parts of a run together, in the order in which they need each other."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.optim import Optimizer

from fastdata.errors import UsageError
from fastdata.training.accumulate import Window
from fastdata.training.clock import StepClock
from fastdata.training.config import TrainConfig
from fastdata.training.ema import WeightAverage
from fastdata.training.evaluator import Evaluator
from fastdata.training.feed import Feed, length_of
from fastdata.training.journal import Journal
from fastdata.training.keeping import Keeper
from fastdata.training.loop import Loop
from fastdata.training.meter import Meter
from fastdata.training.metrics import Metrics
from fastdata.training.milestones import Milestones
from fastdata.training.patience import Patience
from fastdata.training.peers import Peers, wrapped
from fastdata.training.placement import Placed
from fastdata.training.progress import Progress
from fastdata.training.records import Report
from fastdata.training.saving import Saving
from fastdata.training.schedule import Schedule, lr_factor
from fastdata.training.sigterm import Termination
from fastdata.training.snapshot import Snapshot
from fastdata.training.stepping import StepFunction
from fastdata.training.update import Updater

__all__ = ["Run", "assemble"]

# Share of the run in which the learning rate rises, where the settings do not say.
WARMUP_SHARE = 0.03


@dataclass(frozen=True, kw_only=True)
class Run:
    """The parts of a run that `Trainer.fit` speaks to.

    Attributes:
        loop: Trains.
        milestones: Evaluates and saves.
        snapshot: Takes the state, and puts it back.
        keeper: Of the checkpoints, or None.
        patience: Knows the best evaluation.
        progress: Where the run stands.
        total_steps: Of the whole run, or None.
    """

    loop: Loop
    milestones: Milestones
    snapshot: Snapshot
    keeper: Keeper | None
    patience: Patience
    progress: Progress
    total_steps: int | None


def assemble(
    config: TrainConfig,
    placed: Placed,
    *,
    step: StepFunction,
    optimizer: Optimizer,
    scaler: Any,
    average: WeightAverage | None,
    metrics: Metrics,
    evaluator: Evaluator,
    train_loader: Iterable[Any],
    val_loader: Iterable[Any] | None,
    folder: Path | None,
    peers: Peers,
    termination: Termination,
    report: Report,
) -> Run:
    """Builds a run; loaders are those of this rank.

    Raises:
        UsageError: Settings and loaders do not fit each other.
    """
    length = length_of(train_loader)
    total_steps = _total_steps(config, length, peers)
    progress, patience = Progress(), _patience(config, metrics, val_loader)
    clock, feed = StepClock(placed.device), Feed(train_loader, placed.device)
    meter = Meter(peers, stops=config.on_nan == "stop", find_indices=feed.indices_of)
    trained = [weight for weight in placed.model.parameters() if weight.requires_grad]
    window = Window(trained, config.accumulate, peers.world)
    updater = Updater(
        trained,
        optimizer=optimizer,
        scaler=scaler,
        schedule=_schedule(config, optimizer, total_steps),
        average=average,
        clip_norm=config.clip_norm,
        on_nan=config.on_nan,
    )
    snapshot = Snapshot(
        model=placed.model,
        updater=updater,
        average=average,
        window=window,
        meter=meter,
        patience=patience,
        feed=feed,
        progress=progress,
        peers=peers,
        device=placed.device,
    )
    keeper = None if folder is None else _keeper(config, folder, patience)
    milestones = Milestones(
        config,
        progress=progress,
        patience=patience,
        clock=clock,
        save=None if keeper is None else Saving(snapshot, keeper, report).save,
        report=report,
    )
    journal = Journal(
        placed.device,
        meter=meter,
        clock=clock,
        progress=progress,
        updater=updater,
        lr=lambda: float(optimizer.param_groups[0]["lr"]),
        report=report,
    )
    loop = Loop(
        config=config,
        model=wrapped(
            placed.callable,
            peers,
            placed.device,
            find_unused_parameters=config.find_unused_parameters,
        ),
        step=step,
        move=placed.move,
        precision=placed.precision,
        scaler=scaler,
        feed=feed,
        length=length,
        window=window,
        updater=updater,
        meter=meter,
        clock=clock,
        journal=journal,
        milestones=milestones,
        patience=patience,
        peers=peers,
        termination=termination,
        progress=progress,
    )
    if val_loader is not None:
        # An evaluation can be broken off, to save in time what came before it.
        milestones.evaluate = functools.partial(evaluator, val_loader, peers, loop.check_stop)
    return Run(
        loop=loop,
        milestones=milestones,
        snapshot=snapshot,
        keeper=keeper,
        patience=patience,
        progress=progress,
        total_steps=total_steps,
    )


def _total_steps(config: TrainConfig, length: int | None, peers: Peers) -> int | None:
    # All ranks must follow one schedule, that of the longest loader.
    longest = peers.largest(math.inf if length is None else length)
    if math.isinf(longest):
        if config.max_steps is None and config.schedule == "cosine":
            raise UsageError(
                "the training loader has no length, so the cosine schedule has no end; set "
                "max_steps, or schedule='constant'"
            )
        return config.max_steps
    steps = math.ceil(longest / config.accumulate) * config.epochs
    return steps if config.max_steps is None else min(steps, config.max_steps)


def _schedule(config: TrainConfig, optimizer: Optimizer, total_steps: int | None) -> Schedule:
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


def _patience(config: TrainConfig, metrics: Metrics, val_loader: Iterable[Any] | None) -> Patience:
    direction = metrics.direction(config.monitor)
    mode = direction if config.monitor_mode == "auto" else config.monitor_mode
    if mode is None:
        raise UsageError(
            f"monitor={config.monitor!r} does not say what is better; set monitor_mode"
        )
    if config.patience is not None and (val_loader is None or config.eval_interval is None):
        raise UsageError("patience needs evaluations; pass a val_loader, and set eval_interval")
    return Patience(mode, config.min_delta, config.patience)


def _keeper(config: TrainConfig, folder: Path, patience: Patience) -> Keeper:
    return Keeper(
        folder / "checkpoints",
        keep_last=config.keep_last,
        monitor=config.monitor,
        mode=patience.mode,
    )

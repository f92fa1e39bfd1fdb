"""Puts the parts of a run together, in the order in which they need each other."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

from fastdata.training.accumulate import Window
from fastdata.training.agreement import Agreement
from fastdata.training.clock import StepClock
from fastdata.training.config import TrainConfig
from fastdata.training.ema import WeightAverage
from fastdata.training.evaluator import Evaluator
from fastdata.training.feed import Feed
from fastdata.training.journal import Journal
from fastdata.training.keeping import Keeper
from fastdata.training.loop import Loop
from fastdata.training.meter import Meter
from fastdata.training.metrics import Metrics
from fastdata.training.milestones import Milestones
from fastdata.training.passes import Passes
from fastdata.training.peers import Peers, wrapped
from fastdata.training.placement import Placed
from fastdata.training.plan import Plan, patience_of, plan_run, schedule_of
from fastdata.training.progress import Progress
from fastdata.training.records import Report
from fastdata.training.saving import Saving
from fastdata.training.sigterm import Termination
from fastdata.training.state import RunState
from fastdata.training.stepping import StepFunction
from fastdata.training.update import Updater

__all__ = ["Run", "Setup", "assemble"]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a run is made from.

    Attributes:
        config: Its settings.
        placed: The model on its device.
        step: What a batch is put through.
        optimizer: Over the model's parameters.
        average: Of the model's weights, or None.
        metrics: What evaluation measures besides the loss.
        evaluator: Evaluates the model.
        train_loader: Of this rank.
        val_loader: Likewise, or None.
        folder: Where checkpoints go, or None.
        peers: All ranks.
        termination: Notes SIGTERM.
        report: Told of records.
    """

    config: TrainConfig
    placed: Placed
    step: StepFunction
    optimizer: Optimizer
    average: WeightAverage | None
    metrics: Metrics
    evaluator: Evaluator
    train_loader: Iterable[Any]
    val_loader: Iterable[Any] | None
    folder: Path | None
    peers: Peers
    termination: Termination
    report: Report


@dataclass(frozen=True, kw_only=True)
class Run:
    """The parts of a run that `Trainer.fit` speaks to.

    Attributes:
        loop: Trains.
        milestones: Evaluates and saves.
        state: All that a checkpoint holds.
        keeper: Of the checkpoints, or None.
        total_steps: Of the whole run, or None.
    """

    loop: Loop
    milestones: Milestones
    state: RunState
    keeper: Keeper | None
    total_steps: int | None


def assemble(setup: Setup) -> Run:
    """Builds a run.

    Raises:
        UsageError: Settings and loaders do not fit each other.
    """
    plan = plan_run(setup.config, setup.train_loader, setup.peers)
    scaler = setup.placed.precision.scaler()
    clock = StepClock(setup.placed.device)
    state = _state(setup, plan, scaler)
    agreement = Agreement(
        setup.termination, setup.peers, window=state.window, progress=state.progress
    )
    keeper = _keeper(setup, state)
    milestones = _milestones(setup, state, agreement, clock=clock, keeper=keeper)
    loop = Loop(
        config=setup.config,
        feed=state.feed,
        epoch_batches=plan.epoch_batches,
        move=setup.placed.move,
        passes=_passes(setup, scaler),
        window=state.window,
        updater=state.updater,
        meter=state.meter,
        clock=clock,
        journal=_journal(setup, state, clock),
        milestones=milestones,
        patience=state.patience,
        agreement=agreement,
        progress=state.progress,
    )
    return Run(
        loop=loop,
        milestones=milestones,
        state=state,
        keeper=keeper,
        total_steps=plan.total_steps,
    )


def _state(setup: Setup, plan: Plan, scaler: torch.amp.GradScaler) -> RunState:
    config, placed, peers = setup.config, setup.placed, setup.peers
    trained = [weight for weight in placed.model.parameters() if weight.requires_grad]
    feed = Feed(setup.train_loader, placed.device)
    evaluates = setup.val_loader is not None and config.eval_interval is not None
    return RunState(
        model=placed.model,
        updater=Updater(
            trained,
            optimizer=setup.optimizer,
            scaler=scaler,
            schedule=schedule_of(config, setup.optimizer, plan.total_steps),
            average=setup.average,
            clip_norm=config.clip_norm,
            on_nan=config.on_nan,
        ),
        average=setup.average,
        window=Window(trained, config.accumulate, peers.world),
        meter=Meter(peers, stops=config.on_nan == "stop", find_indices=feed.indices_of),
        patience=patience_of(config, setup.metrics, evaluates=evaluates),
        feed=feed,
        progress=Progress(),
        peers=peers,
        device=placed.device,
    )


def _passes(setup: Setup, scaler: torch.amp.GradScaler) -> Passes:
    model = wrapped(
        setup.placed.callable,
        setup.peers,
        setup.placed.device,
        find_unused_parameters=setup.config.find_unused_parameters,
    )
    return Passes(
        model=model,
        step=setup.step,
        precision=setup.placed.precision,
        scaler=scaler,
        peers=setup.peers,
    )


def _keeper(setup: Setup, state: RunState) -> Keeper | None:
    if setup.folder is None:
        return None
    return Keeper(
        setup.folder / "checkpoints",
        keep_last=setup.config.keep_last,
        monitor=setup.config.monitor,
        mode=state.patience.mode,
    )


def _milestones(
    setup: Setup,
    state: RunState,
    agreement: Agreement,
    *,
    clock: StepClock,
    keeper: Keeper | None,
) -> Milestones:
    evaluate = None
    if setup.val_loader is not None:
        # An evaluation can be broken off, to save in time what came before it.
        evaluate = functools.partial(
            setup.evaluator, setup.val_loader, setup.peers, agreement.check_stop
        )
    return Milestones(
        setup.config,
        progress=state.progress,
        patience=state.patience,
        clock=clock,
        evaluate=evaluate,
        saving=None if keeper is None else Saving(state, keeper, setup.report),
        report=setup.report,
    )


def _journal(setup: Setup, state: RunState, clock: StepClock) -> Journal:
    return Journal(
        setup.placed.device,
        meter=state.meter,
        clock=clock,
        progress=state.progress,
        updater=state.updater,
        lr=lambda: float(setup.optimizer.param_groups[0]["lr"]),
        report=setup.report,
    )

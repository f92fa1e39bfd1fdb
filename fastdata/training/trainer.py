"""Trainer: a training loop over any iterable of batches that a user reads once and trusts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.optim import Optimizer

from fastdata.errors import UsageError
from fastdata.training.agreement import StopWanted
from fastdata.training.assembly import Run, Setup, assemble
from fastdata.training.config import MetricConfig, OptimizerConfig, TrainConfig, from_given
from fastdata.training.ema import WeightAverage
from fastdata.training.evaluator import Evaluator
from fastdata.training.feed import shared_out
from fastdata.training.lines import log_record, shown
from fastdata.training.metrics import Metrics
from fastdata.training.optimizers import build_optimizer
from fastdata.training.peers import Peers, gathered, local_rank
from fastdata.training.placement import Placed, placed
from fastdata.training.precision import fast_arithmetic
from fastdata.training.records import FitResult, Report, StartRecord
from fastdata.training.saving import starting_point
from fastdata.training.sigterm import EXIT_CODE, Termination
from fastdata.training.stepping import Loss, StepFunction, supervised

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
        if (loss is None) == (step is None):
            raise UsageError("pass either loss=, for batches of (input, target), or step=")
        _refuse_trained(loss)
        self.model = model
        self.config = from_given(TrainConfig, config)
        self.folder = None if folder is None else Path(folder)
        self.optimizer = optimizer if isinstance(optimizer, Optimizer) else None
        self._optimizer_config = (
            OptimizerConfig()
            if isinstance(optimizer, Optimizer)
            else from_given(OptimizerConfig, optimizer)
        )
        self._loss = loss
        self._step = step if step is not None else supervised(loss)  # type: ignore[arg-type]
        self._metrics = Metrics(metrics)
        self._report = report
        self._average: WeightAverage | None = None

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
        began, config = time.perf_counter(), self.config
        where = self._placed()
        with (
            gathered(where.device) as peers,
            fast_arithmetic(tf32=config.tf32, cudnn_benchmark=config.cudnn_benchmark),
            Termination() as termination,
            shown(),
        ):
            run = self._assembled(where, peers, termination, train_loader, val_loader)
            origin = starting_point(resume, run.keeper, run.state)
            if origin is not None and run.keeper is not None and run.keeper.holds(origin):
                run.milestones.saved_here()
            self._tell(peers)(self._start(where, peers, run, origin))
            try:
                run.loop.run()
            except StopWanted:
                run.milestones.save()
                raise SystemExit(EXIT_CODE) from None
            result = self._result(run, time.perf_counter() - began)
            self._tell(peers)(result)
            return result

    def evaluate(self, loader: Iterable[Any]) -> dict[str, float]:
        """Mean loss and metrics over a loader, with the averaged weights where there are any."""
        where = self._placed()
        with gathered(where.device) as peers:
            return self._evaluator(where)(shared_out(loader, world=peers.world), peers)

    @property
    def averaged_weights(self) -> dict[str, Tensor] | None:
        """The moving average under the names of the model's state_dict; None without one."""
        return None if self._average is None else self._average.state_dict()

    def _placed(self) -> Placed:
        return placed(self.model, self._loss, self.config, local_rank=local_rank())

    def _evaluator(self, where: Placed) -> Evaluator:
        return Evaluator(
            where,
            step=self._step,
            metrics=self._metrics,
            average=self._average,
            scales=self.config.eval_scales,
        )

    def _assembled(
        self,
        where: Placed,
        peers: Peers,
        termination: Termination,
        train_loader: Iterable[Any],
        val_loader: Iterable[Any] | None,
    ) -> Run:
        if self.optimizer is None:
            self.optimizer = build_optimizer(self.model, self._optimizer_config, where.device)
        if self.config.ema_decay is not None:
            self._average = WeightAverage(self.model, self.config.ema_decay)
        return assemble(
            Setup(
                config=self.config,
                placed=where,
                step=self._step,
                optimizer=self.optimizer,
                average=self._average,
                metrics=self._metrics,
                evaluator=self._evaluator(where),
                train_loader=shared_out(train_loader, world=peers.world),
                val_loader=None
                if val_loader is None
                else shared_out(val_loader, world=peers.world),
                folder=self.folder,
                peers=peers,
                termination=termination,
                report=self._tell(peers),
            )
        )

    def _tell(self, peers: Peers) -> Report:
        return _ignore if peers.rank else self._report or log_record

    def _start(self, where: Placed, peers: Peers, run: Run, origin: Path | None) -> StartRecord:
        return StartRecord(
            device=str(where.device),
            precision=where.precision.name,
            world=peers.world,
            accumulate=self.config.accumulate,
            total_steps=run.total_steps,
            parameters=sum(w.numel() for w in self.model.parameters() if w.requires_grad),
            resumed_from=origin,
            step=run.state.progress.step,
            settings=where.settings,
        )

    def _result(self, run: Run, seconds: float) -> FitResult:
        return FitResult(
            reason="stopped early" if run.state.patience.is_over else "finished",
            epochs=run.state.progress.epoch,
            step=run.state.progress.step,
            metrics=dict(run.state.progress.metrics),
            best=run.state.patience.best,
            best_step=run.state.patience.best_step,
            best_checkpoint=None if run.keeper is None else run.keeper.best(),
            seconds=seconds,
        )


def _ignore(record: object) -> None:
    pass


def _refuse_trained(loss: Any) -> None:
    if not isinstance(loss, nn.Module):
        return
    for name, weight in loss.named_parameters():
        if weight.requires_grad:
            raise UsageError(
                f"the loss has the trained parameter {name!r}, which nothing would update; call "
                "loss.requires_grad_(False), or make it a part of the model"
            )

"""What comes between steps: evaluations, checkpoints, and the end of patience."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastdata.training.clock import StepClock
from fastdata.training.config import TrainConfig
from fastdata.training.interval import parse_interval
from fastdata.training.patience import Patience
from fastdata.training.progress import Progress
from fastdata.training.records import EvalRecord, Report
from fastdata.training.saving import Saving

__all__ = ["Milestones"]


class Milestones:
    """Evaluates and saves when it is due.

    Args:
        config: The intervals, and the monitored metric.
        progress: Of the run.
        patience: Follows the metric.
        clock: Leaves the time spent here out of the steps.
        evaluate: Gives the metrics; None where there is nothing to evaluate on.
        saving: Saves checkpoints; None for none.
        report: Told of evaluations.
    """

    def __init__(
        self,
        config: TrainConfig,
        *,
        progress: Progress,
        patience: Patience,
        clock: StepClock,
        evaluate: Callable[[], dict[str, float]] | None,
        saving: Saving | None,
        report: Report,
    ) -> None:
        self._monitor = config.monitor
        self._eval_interval = parse_interval(config.eval_interval, name="eval_interval")
        self._save_interval = parse_interval(config.checkpoint_interval, name="checkpoint_interval")
        self._progress = progress
        self._patience = patience
        self._clock = clock
        self._evaluate = evaluate if self._eval_interval is not None else None
        self._saving = saving
        self._report = report

    def pass_by(self, *, epoch_ended: bool) -> None:
        """Does what is due after a step, or after an epoch, and was not done before."""
        at = {"step": self._progress.step, "epoch": self._progress.epoch}
        evaluates = self._eval_interval is not None and self._eval_interval.is_due(
            **at, epoch_ended=epoch_ended
        )
        saves = self._save_interval is not None and self._save_interval.is_due(
            **at, epoch_ended=epoch_ended
        )
        self._do(evaluates=evaluates, saves=saves)

    def finish(self) -> None:
        """Does what the end of a run needs: its last step is evaluated and saved."""
        self._do(evaluates=True, saves=True)

    def save(self) -> None:
        """Saves now, unless this very place was saved already."""
        with self._clock.paused():
            self._save_here()

    def saved_here(self) -> None:
        """Notes that a checkpoint of this place exists: the one that the run goes on from."""
        if self._saving is not None:
            self._saving.saved_here()

    def _do(self, *, evaluates: bool, saves: bool) -> None:
        if not (evaluates or saves):
            return
        progress, is_best = self._progress, False
        with self._clock.paused():
            if evaluates and self._evaluate and progress.evaluated_at != progress.step:
                is_best = self._run_evaluation(self._evaluate)
            if saves or is_best:
                self._save_here(is_best=is_best)

    def _run_evaluation(self, evaluate: Callable[[], dict[str, float]]) -> bool:
        start, progress = time.perf_counter(), self._progress
        progress.metrics = evaluate()
        progress.evaluated_at = progress.step
        is_best = self._patience.take(progress.metrics[self._monitor], progress.step)
        self._report(
            EvalRecord(
                epoch=progress.epoch,
                step=progress.step,
                metrics=dict(progress.metrics),
                seconds=time.perf_counter() - start,
                is_best=is_best,
            )
        )
        return is_best

    def _save_here(self, *, is_best: bool = False) -> None:
        progress = self._progress
        if self._saving is not None:
            is_evaluated = progress.evaluated_at == progress.step
            value = progress.metrics[self._monitor] if is_evaluated else None
            self._saving.save(value, again=is_best)

"""The training loop: what happens to each batch, each step and each epoch, in this order."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fastdata.errors import UsageError
from fastdata.training.accumulate import Window
from fastdata.training.clock import StepClock
from fastdata.training.config import TrainConfig
from fastdata.training.feed import Feed
from fastdata.training.journal import Journal
from fastdata.training.meter import Meter, Place
from fastdata.training.milestones import Milestones
from fastdata.training.patience import Patience
from fastdata.training.peers import Peers
from fastdata.training.placement import batch_size
from fastdata.training.precision import Precision
from fastdata.training.progress import Progress
from fastdata.training.sigterm import Termination
from fastdata.training.stepping import StepFunction, as_result
from fastdata.training.update import Updater

__all__ = ["Loop", "StopWanted"]


class StopWanted(BaseException):
    """SIGTERM came, and the run is where it can be saved; no error, so that nothing swallows it."""


@dataclass(kw_only=True)
class Loop:
    """Trains from wherever `progress` stands; all parts are put together by `Trainer.fit`."""

    config: TrainConfig
    model: nn.Module  # as the step function calls it: compiled, wrapped for several ranks
    step: StepFunction
    move: Callable[[Any], Any]
    precision: Precision
    scaler: torch.amp.GradScaler
    feed: Feed
    length: int | None  # batches of an epoch on this rank
    window: Window
    updater: Updater
    meter: Meter
    clock: StepClock
    journal: Journal
    milestones: Milestones
    patience: Patience
    peers: Peers
    termination: Termination
    progress: Progress
    _all_stop: bool = False

    def run(self) -> None:
        """Trains to the end.

        Raises:
            StopWanted: See there.
        """
        self.model.train()
        self.journal.begin()
        if self.progress.step and not self.window.is_open:
            # What SIGTERM came before.
            self.milestones.pass_by(epoch_ended=self.progress.batch == 0)
        while not self._is_over():
            self._train_epoch()
        self.journal.last_line()
        self.milestones.finish()

    def _train_epoch(self) -> None:
        progress, last = self.progress, None
        batches = self.feed.begin(progress.epoch, done=progress.batch)
        for batch in self.clock.timed(self._until_workers_end(batches)):
            last = batch = self.move(batch)
            progress.batch += 1
            self._train_batch(batch, closes=self._closes_step())
            self.check_stop()
            if self._is_over():
                return
        if not progress.batch:
            raise UsageError(
                f"the training loader gave no batch in epoch {progress.epoch}; a generator can be "
                "gone through only once: pass a list, a DataLoader or a FastLoader"
            )
        # Ranks may have fewer batches than others, and the last step fewer than the ones before.
        while total := self._samples_in_step(0):
            self._close_without_batch(last, total)
            if self._is_over():
                return
        self.check_stop()
        self._end_epoch()

    def _until_workers_end(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The batches; they end without an error where SIGTERM reached the loader's workers too.

        Several ranks must stop at the same step: this one goes on without batches until then.
        """
        try:
            yield from batches
        except Exception as error:
            if not self.termination.is_wanted:
                raise
            if self.peers.world == 1:
                raise StopWanted from error

    def _train_batch(self, batch: Any, *, closes: bool) -> None:
        with self._exchange_gradients(closes):
            with self.precision.autocast():
                result = as_result(self.step(self.model, batch))
            samples = result.samples or batch_size(batch)
            if closes:
                weight = self.window.close(samples, self._samples_in_step(samples))
            else:
                weight = self.window.weigh(samples)
            self._backward(result.loss, weight)
        place = Place(self.progress.epoch, self.progress.batch - 1, self.feed.indices())
        self.meter.add(result.loss, samples, place)
        if closes:
            self._make_step()

    def _make_step(self) -> None:
        self.updater.step()
        self.peers.share(self.model.buffers())
        self.progress.step += 1
        self.meter.line.steps += 1
        if self.progress.step % self.config.log_interval == 0:
            self.journal.line()
        self.check_stop()
        self.milestones.pass_by(epoch_ended=False)

    def _end_epoch(self) -> None:
        if self.progress.epoch + 1 == self.config.epochs:
            self.journal.last_line()
        self.journal.epoch()
        self.progress.epoch += 1
        self.progress.batch = 0
        self.milestones.pass_by(epoch_ended=True)

    def _close_without_batch(self, last: Any, total: int) -> None:
        """Makes a step of what is there; ranks meet in a backward pass that weighs nothing."""
        self.window.close(0, total)
        if self.peers.world > 1:
            # In evaluation mode it draws no random numbers and moves no running statistics.
            self.model.eval()
            with self.precision.autocast():
                result = as_result(self.step(self.model, last))
            self._backward(result.loss, 0.0)
            self.model.train()
        self._make_step()

    def _backward(self, loss: torch.Tensor, weight: float) -> None:
        self.scaler.scale(loss if weight == 1 else loss * weight).backward()  # type: ignore[no-untyped-call]

    def _closes_step(self) -> bool:
        return self.window.closes_with_next() or self.progress.batch == self.length

    def _samples_in_step(self, samples: int) -> int:
        """Samples of all ranks in the step that is being closed; 0 when none has any left."""
        wanted = self.termination.is_wanted
        total, stops = self.peers.sum([self.window.samples + samples, wanted])
        self._all_stop = stops > 0
        return int(total)

    def _exchange_gradients(self, closes: bool) -> contextlib.AbstractContextManager[None]:
        """Ranks add up their gradients in the backward pass that closes a step, and only there."""
        if closes or self.peers.world == 1:
            return contextlib.nullcontext()
        waits: contextlib.AbstractContextManager[None] = self.model.no_sync()  # type: ignore[operator]
        return waits

    def check_stop(self) -> None:
        """Raises StopWanted where the run can stop: several ranks only where all have agreed."""
        alone = self.peers.world == 1
        if (alone and self.termination.is_wanted) or (self._all_stop and not self.window.is_open):
            raise StopWanted

    def _is_over(self) -> bool:
        progress, most = self.progress, self.config.max_steps
        return (
            progress.epoch >= self.config.epochs
            or (most is not None and progress.step >= most)
            or self.patience.is_over
        )

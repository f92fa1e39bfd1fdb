"""The training loop: what happens to each batch, each step and each epoch, in this order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastdata.errors import UsageError
from fastdata.training.accumulate import Window
from fastdata.training.agreement import Agreement
from fastdata.training.clock import StepClock
from fastdata.training.config import TrainConfig
from fastdata.training.feed import Feed
from fastdata.training.journal import Journal
from fastdata.training.meter import Meter, Place
from fastdata.training.milestones import Milestones
from fastdata.training.passes import Passes
from fastdata.training.patience import Patience
from fastdata.training.placement import batch_size
from fastdata.training.progress import Progress
from fastdata.training.update import Updater

__all__ = ["Loop"]


@dataclass(kw_only=True)
class Loop:
    """Trains from wherever `progress` stands; `assembly` puts the parts together."""

    config: TrainConfig
    feed: Feed
    epoch_batches: int | None  # on this rank; None where the loader does not know
    move: Callable[[Any], Any]  # a batch to the device
    passes: Passes
    window: Window
    updater: Updater
    meter: Meter
    clock: StepClock
    journal: Journal
    milestones: Milestones
    patience: Patience
    agreement: Agreement
    progress: Progress

    def run(self) -> None:
        """Trains to the end.

        Raises:
            StopWanted: SIGTERM came, and the run can be saved as it is.
        """
        self.passes.model.train()
        self.journal.begin()
        self._make_up_for()
        while not self._is_over():
            self._train_epoch()
        self.journal.last_line()
        self.milestones.finish()

    def _make_up_for(self) -> None:
        """Evaluates and saves what was due after the last step when SIGTERM came."""
        progress = self.progress
        if progress.step and not (self.window.is_open or progress.ends_epoch):
            self.milestones.pass_by(epoch_ended=progress.batch == 0)

    def _train_epoch(self) -> None:
        progress, last = self.progress, None
        batches = self.feed.begin(progress.epoch, done=progress.batch)
        for batch in self.clock.timed(self.agreement.until_workers_end(batches)):
            last = batch = self.move(batch)
            progress.batch += 1
            self._train_batch(batch, closes=self._closes_step())
            self.agreement.check_stop()
            if self._is_over():
                return
        if not progress.batch:
            raise UsageError(
                f"the training loader gave no batch in epoch {progress.epoch}; a generator can be "
                "gone through only once: pass a list, a DataLoader or a FastLoader"
            )
        # Ranks may have fewer batches than others, and the last step fewer than the ones before.
        while total := self.agreement.close_step(0, is_last=True):
            self._close_without_batch(last, total)
            if self._is_over():
                return
        self.agreement.check_stop()
        self._end_epoch()

    def _train_batch(self, batch: Any, *, closes: bool) -> None:
        """Adds a batch's gradient to its step's; the batch that `closes` the step also makes it."""
        with self.passes.exchange_gradients(closes):
            result = self.passes.forward(batch)
            samples = result.samples or batch_size(batch)
            if closes:
                total = self.agreement.close_step(samples, is_last=self._is_epochs_last())
                weight = self.window.close(samples, total)
            else:
                weight = self.window.weigh(samples)
            self.passes.backward(result.loss, weight)
        place = Place(self.progress.epoch, self.progress.batch - 1, self.feed.indices())
        self.meter.add(result.loss, samples, place)
        if closes:
            self._make_step()

    def _close_without_batch(self, last: Any, total: int) -> None:
        """Makes a step of the gradients that are there, while other ranks may have a batch left."""
        self.window.close(0, total)
        if self.passes.is_shared:
            self.passes.meet(last)
        self._make_step()

    def _make_step(self) -> None:
        self.updater.step()
        self.passes.share_buffers()
        self.progress.step += 1
        self.meter.line.steps += 1
        if self.progress.step % self.config.log_interval == 0:
            self.journal.line()
        self.agreement.check_stop()
        # What is due after an epoch's last step is due after the epoch as well.
        if not self.progress.ends_epoch:
            self.milestones.pass_by(epoch_ended=False)

    def _end_epoch(self) -> None:
        if self.progress.epoch + 1 == self.config.epochs:
            self.journal.last_line()
        self.journal.epoch()
        self.progress.epoch += 1
        self.progress.batch = 0
        self.progress.ends_epoch = self.progress.is_recut = False
        self.milestones.pass_by(epoch_ended=True)

    def _closes_step(self) -> bool:
        return self.window.closes_with_next() or self._is_epochs_last()

    def _is_epochs_last(self) -> bool:
        return self.progress.batch == self.epoch_batches and not self.progress.is_recut

    def _is_over(self) -> bool:
        progress, most = self.progress, self.config.max_steps
        return (
            progress.epoch >= self.config.epochs
            or (most is not None and progress.step >= most)
            or self.patience.is_over
        )

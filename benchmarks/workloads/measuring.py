"""Measures a training loop in the same way on both sides: a stopwatch, and the Trainer's records.

On the plain side, a wait is the time in ``next()`` of the loop's iterator, taken by `Stopwatch`. On
the other, the Trainer takes it at the same place and reports it, which `Journal` sums up. On a CPU
all wait is exposed, on both sides. With a GPU the plain loop reads its loss at each step, as plain
loops do, so that the GPU has nothing left to do when the next batch is asked for: its wait is
exposed too. The Trainer does not wait for the GPU, and tells exposed from hidden by CUDA's events.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from fastdata.training.records import EpochRecord, LogLine, Record, StartRecord
from workloads.job import Outcome

__all__ = ["Journal", "Stopwatch"]

Batch = TypeVar("Batch")


class Stopwatch:
    """Times a hand-written loop.

    ::

    for images, labels in watch.epoch(loader):
        ...
        watch.step(loss.item(), samples=len(images))
    """

    def __init__(self) -> None:
        self.seconds = self.data_seconds = self.first_batch_seconds = 0.0
        self.epochs = self.samples = 0
        self.losses: list[float] = []

    def epoch(self, loader: Iterable[Batch]) -> Iterator[Batch]:
        """The batches of a loader; the time until they end belongs to the loop."""
        start = time.perf_counter()
        batches, is_first = iter(loader), True
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            if batch is None:
                break
            waited = time.perf_counter() - asked
            if is_first:
                self.first_batch_seconds += waited
            else:
                self.data_seconds += waited
            is_first = False
            yield batch
        self.epochs += 1
        self.seconds += time.perf_counter() - start

    def step(self, loss: float, *, samples: int) -> None:
        """Notes a step and its loss."""
        self.losses.append(loss)
        self.samples += samples

    def outcome(self, *, batch_size: int, **learned: Any) -> Outcome:
        """What was measured, and the fields of `Outcome` on what was learned."""
        few = max(1, len(self.losses) // 10)
        return Outcome(
            batch_size=batch_size,
            epochs=self.epochs,
            steps=len(self.losses),
            samples=self.samples,
            seconds=self.seconds,
            data_seconds=self.data_seconds,
            first_batch_seconds=self.first_batch_seconds,
            loss_first=statistics.fmean(self.losses[:few]),
            loss_last=statistics.fmean(self.losses[-few:]),
            **learned,
        )


class Journal:
    """Takes in what a Trainer reports: ``Trainer(..., report=journal.record)``."""

    def __init__(self) -> None:
        self._lines: list[LogLine] = []
        self._epochs: list[EpochRecord] = []
        self._settings: tuple[str, ...] = ()

    def record(self, record: Record) -> None:
        """Keeps a record."""
        if isinstance(record, LogLine):
            self._lines.append(record)
        elif isinstance(record, EpochRecord):
            self._epochs.append(record)
        elif isinstance(record, StartRecord):
            self._settings = record.settings

    def outcome(self, *, batch_size: int, **learned: Any) -> Outcome:
        """What was measured, and the fields of `Outcome` on what was learned."""
        before, steps, data, wall = 0, 0, 0.0, 0.0
        for line in self._lines:
            steps, before = line.step - before, line.step
            data += line.data_seconds * steps
            wall += line.step_seconds * steps
        first = sum(epoch.first_batch_seconds for epoch in self._epochs)
        few = max(1, len(self._lines) // 10)
        return Outcome(
            batch_size=batch_size,
            epochs=len(self._epochs),
            steps=before,
            samples=sum(epoch.samples for epoch in self._epochs),
            seconds=wall + first,
            data_seconds=data,
            first_batch_seconds=first,
            loss_first=statistics.fmean(line.loss for line in self._lines[:few]),
            loss_last=statistics.fmean(line.loss for line in self._lines[-few:]),
            settings="; ".join(self._settings),
            **learned,
        )

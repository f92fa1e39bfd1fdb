"""What the loop tells about its steps and epochs, from the losses and the times of many."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import psutil
import torch

from fastdata.training.clock import StepClock
from fastdata.training.meter import Means, Meter
from fastdata.training.progress import Progress
from fastdata.training.records import EpochRecord, LogLine, Report
from fastdata.training.update import Updater

__all__ = ["Journal"]


class Journal:
    """Makes log lines and epoch records.

    Args:
        device: Of the model.
        meter: Of losses.
        clock: Of steps.
        progress: Of the run.
        updater: Knows the steps really made.
        lr: The learning rate now.
        report: Told of the records.
    """

    def __init__(
        self,
        device: torch.device,
        *,
        meter: Meter,
        clock: StepClock,
        progress: Progress,
        updater: Updater,
        lr: Callable[[], float],
        report: Report,
    ) -> None:
        self._device = device
        self._meter = meter
        self._clock = clock
        self._progress = progress
        self._updater = updater
        self._lr = lr
        self._report = report
        self._epoch_began = time.perf_counter()
        # What a checkpoint brought along was not timed by this process.
        self._untimed = Means()

    def begin(self) -> None:
        """Begins timing, at the start of the run or where it goes on."""
        self._untimed = replace(self._meter.line)
        self._epoch_began = time.perf_counter()
        self._clock.read()

    def line(self) -> None:
        """Reports the steps since the last line; the device is waited for."""
        self._meter.flush()
        means, times = self._meter.line, self._clock.read()
        steps = max(1, means.steps - self._untimed.steps)
        wall = max(times.wall, 1e-9)
        self._report(
            LogLine(
                epoch=self._progress.epoch,
                step=self._progress.step,
                loss=means.loss,
                lr=self._lr(),
                samples=means.samples,
                samples_per_second=(means.samples - self._untimed.samples) / wall,
                step_seconds=wall / steps,
                data_seconds=times.exposed / steps,
                hidden_seconds=times.hidden / steps,
                compute_seconds=max(wall - times.exposed, 0.0) / steps,
                data_share=min(1.0, times.exposed / wall),
                skipped_steps=self._progress.step - self._updater.made,
                memory_bytes=_memory(self._device),
            )
        )
        self._meter.line, self._untimed = Means(), Means()

    def last_line(self) -> None:
        """Reports the steps since the last line, if there are any."""
        if self._meter.line.steps:
            self.line()

    def epoch(self) -> None:
        """Reports the epoch that has just ended; the device is waited for."""
        self._meter.flush()
        now, means = time.perf_counter(), self._meter.epoch
        self._report(
            EpochRecord(
                epoch=self._progress.epoch,
                step=self._progress.step,
                loss=means.loss,
                samples=means.samples,
                seconds=now - self._epoch_began,
                first_batch_seconds=self._clock.first_batch_seconds,
            )
        )
        self._meter.epoch, self._epoch_began = Means(), now


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return int(psutil.Process().memory_info().rss)

"""Whoever makes batches: a worker process, a thread of an engine, or the training thread itself."""

from __future__ import annotations

import os
import threading
from typing import Any

from fastdata.profiling.channel import Channel
from fastdata.profiling.stageclock import Batch, StageClock
from fastdata.profiling.worklane import WORK, WorkLane

__all__ = ["Worker", "Workshop"]


class Worker:
    """One of them, with its clock and its lane.

    Args:
        channel: Where a lane is claimed with the first batch.
        facts: name, kind, training_pid, dataset, samples.
    """

    def __init__(self, channel: Channel, facts: dict[str, Any]) -> None:
        self._channel = channel
        self._facts = facts
        self._lane: WorkLane | None = None
        self._is_full = False
        self.clock = StageClock(self._write)

    def add(self, stage: str, seconds: float) -> None:
        """Adds time that another thread of the process has spent on a batch."""
        if self._lane is not None:
            self._lane.add(stage, count=1, seconds=seconds)

    def _write(self, batch: Batch) -> None:
        if self._lane is None and not self._is_full:
            key = "/".join(str(fact) for fact in self._facts.values())
            lane = self._channel.claim(WORK, key)
            self._is_full = lane is None
            self._lane = None if lane is None else WorkLane(lane, self._facts)
        if self._lane is not None:
            self._lane.write(batch)


class Workshop:
    """All that make batches in this process."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._local = threading.local()
        self.pid = os.getpid()

    def worker(self, **facts: Any) -> Worker:
        """The one on this thread for a dataset; see `Worker` for the facts."""
        key = tuple(facts.values())
        found: dict[Any, Worker] = self._local.__dict__.setdefault("workers", {})
        if key not in found:
            found[key] = Worker(self._channel, facts)
        return found[key]

    def run(self, worker: Worker) -> None:
        """A batch begins on this thread."""
        self._local.clock = worker.clock
        worker.clock.begin()

    def stop(self, worker: Worker, *, is_whole: bool) -> None:
        """It is made, or there is none."""
        self._local.clock = None
        worker.clock.end(is_whole=is_whole)

    @property
    def clock(self) -> StageClock | None:
        """That of the batch that is being made on this thread, or None."""
        return getattr(self._local, "clock", None)

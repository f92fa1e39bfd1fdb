"""Whoever makes batches: a worker process, a thread of an engine, or the training thread itself."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastdata.profiling.clocks.batches import Batch
from fastdata.profiling.clocks.corewait import CoreClock
from fastdata.profiling.clocks.residency import Residency
from fastdata.profiling.clocks.stageclock import StageClock
from fastdata.profiling.clocks.storage import StorageMeter
from fastdata.profiling.lanes.channel import Channel
from fastdata.profiling.lanes.worklane import WORK, WorkLane

__all__ = ["Worker", "Workshop", "with_helpers"]


class Worker:
    """One of them, with its clock and its lane.

    Args:
        channel: Where a lane is claimed with the first batch.
        facts: name, kind, training_pid, dataset, samples.
        residency: Of what its process reads.

    Attributes:
        owns_process: Whether, while it makes a batch, its process does nothing else.
        is_prepared: Whether what its process calls to make batches is timed.
        gathers_memory: Whether what it gathers lies in memory, and in no mapped file.
        looks: Whether what is read next is to be looked at in the page cache. That is decided once
            a batch: to ask the time at each file that is opened would cost 1 % of a batch of them.
    """

    def __init__(self, channel: Channel, facts: dict[str, Any], residency: Residency) -> None:
        self._channel = channel
        self._residency = residency
        self._samples: tuple[Any, Callable[[int], str]] | None = None
        self._facts = facts
        self._lane: WorkLane | None = None
        self._is_full = False
        self._uncounted: Counter[str] = Counter()
        self.owns_process = facts["kind"] != "thread"
        # Nobody would ask a thread that rests for what it has kept.
        self.clock = StageClock(self._write, keeps_some=self.owns_process)
        self.is_prepared = False
        self.gathers_memory = False
        self.looks = False

    def add(self, stage: str, seconds: float, operation: str = "") -> None:
        """Adds time that another thread of the process has spent on a batch."""
        if self._lane is not None:
            self._lane.add(stage, operation, count=1, seconds=seconds)

    def count(self, found: Mapping[str, float]) -> None:
        """Counts something; see `worklane.COUNTERS`."""
        if self._lane is not None:
            self._lane.count(found)
        elif not self._is_full:
            # There is a lane once there is a batch.
            self._uncounted.update(found)

    def gathered(self, byte_count: int) -> None:
        """Counts what was taken of arrays."""
        if not self.gathers_memory:
            self.count({"mapped_bytes": byte_count})

    def look_at(self, buffers: Sequence[Any]) -> None:
        """Looks whether mapped bytes that are about to be read are cached, if it is to."""
        if self.looks:
            self.looks = False
            self.count(self._residency.look_at_memory(buffers))

    def look_at_file(self, descriptor: int) -> None:
        """Likewise at an open file."""
        if self.looks:
            self.looks = False
            self.count(self._residency.look_at_file(descriptor))

    def sees_samples(self, indices: Any, name: Callable[[int], str]) -> None:
        """Notes which samples `time_samples` will be about: their indices, and what names one."""
        self._samples = indices, name

    def time_samples(self, seconds: Any) -> None:
        """Notes what threads took for each of the samples seen last, float64 (B,)."""
        if self._samples is not None:
            self.clock.see_samples(self._samples[0], seconds, self._samples[1])

    def _write(self, batch: Batch) -> None:
        if self._lane is None and not self._is_full:
            key = "/".join(str(fact) for fact in self._facts.values())
            lane = self._channel.claim(WORK, key)
            self._is_full = lane is None
            self._lane = None if lane is None else WorkLane(lane, self._facts)
            self.count(self._uncounted)
        if self._lane is not None:
            self._lane.write(batch)
            self.clock.slow_seconds = self._lane.slow_seconds


class _Here(threading.local):
    """What belongs to the calling thread.

    Attributes:
        worker: Whoever is making a batch on it, or None.
        accounts: Whether the kernel's accounts are looked at with this batch.
        begun: Its `_clocks` then.
    """

    worker: Worker | None = None
    accounts = False
    begun = (0.0, 0.0, 0.0)

    def __init__(self) -> None:
        self.workers: dict[Any, Worker] = {}

    @functools.cached_property
    def core_clock(self) -> CoreClock:
        """Of how long it lacked a core."""
        return CoreClock()


class Workshop:
    """All that make batches in this process.

    Attributes:
        here: What belongs to the calling thread.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.here = _Here()
        self._meter = StorageMeter()
        self._residency = Residency()
        self._splitting: set[int] = set()
        self.pid = os.getpid()

    def worker(self, **facts: Any) -> Worker:
        """The one on this thread for a dataset; see `Worker` for the facts."""
        key = tuple(facts.values())
        found = self.here.workers
        if key not in found:
            found[key] = Worker(self._channel, facts, self._residency)
        return found[key]

    def settle(self) -> None:
        """Has those on this thread write what they have kept."""
        for worker in self.here.workers.values():
            worker.clock.settle()

    def run(self, worker: Worker, *, many_turns: bool = False) -> bool:
        """A batch begins on this thread; see `StageClock.begin`.

        Returns:
            Whether on any thread a batch is being made that is split into stages.
        """
        here, clock, sees_storage = self.here, worker.clock, self._meter.sees_storage
        here.worker = worker
        begun = clock.begin(watches_faults=sees_storage, many_turns=many_turns)
        is_split = clock.is_splitting
        if is_split:
            self._splitting.add(threading.get_ident())
        # While something comes from storage a look costs nothing beside the wait for it.
        worker.looks = is_split and (sees_storage or self._residency.is_due)
        # The kernel's accounts are looked at beside the batches that are split, and now and then.
        here.accounts = is_split or begun >= self._meter.due_at
        if here.accounts and worker.owns_process:
            here.begun = _clocks()
            here.core_clock.read()
        return bool(self._splitting)

    def stop(self, worker: Worker, *, is_whole: bool) -> None:
        """It is made, or there is none."""
        here = self.here
        here.worker = None
        if worker.clock.is_splitting:
            self._splitting.discard(threading.get_ident())
        worker.clock.end(is_whole=is_whole)
        if here.accounts:
            worker.count(self._meter.take())
            if worker.owns_process:
                worker.count(self._used())

    def _used(self) -> dict[str, float]:
        """What the batch that has just ended took of the cores."""
        waited = self.here.core_clock.read() or 0.0
        wall, cpu, own = (now - then for now, then in zip(_clocks(), self.here.begun, strict=True))
        return {
            "accounted": 1,
            "cpu_seconds": cpu,
            "core_wait_seconds": with_helpers(waited, wall=wall, cpu=cpu, own_cpu=own),
        }


def with_helpers(waited: float, *, wall: float, cpu: float, own_cpu: float) -> float:
    """Seconds that a batch lacked a core, those of short-lived threads that helped included.

    A thread that a library starts and waits for, as `edt` does for each distance map, is gone
    before it can be asked. For its CPU time it is taken to have lacked a core as long as the
    calling thread did for its own; what neither has computed in is the most that can be.

    Args:
        waited: Of the calling thread.
        wall: Of the batch.
        cpu: Of all threads.
        own_cpu: Of the calling thread.
    """
    if own_cpu <= 0:
        return waited
    return max(waited, min(waited * cpu / own_cpu, wall - cpu))


def _clocks() -> tuple[float, float, float]:
    return time.perf_counter(), time.process_time(), time.thread_time()

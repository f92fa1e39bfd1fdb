"""The lane of a worker: how long its stages took, its batches, and its slowest samples."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fastdata.profiling.clocks.batches import Batch, Sample, SampleTimes
from fastdata.profiling.clocks.splitting import StageKey
from fastdata.profiling.clocks.stageclock import OTHER
from fastdata.profiling.lanes.channel import Lane
from fastdata.profiling.lanes.rings import Ring
from fastdata.profiling.lanes.stagesums import STAGE_SUMS_END, StageSums
from fastdata.profiling.record import STAGES

__all__ = [
    "COUNTERS",
    "WORK",
    "WorkLane",
    "counters",
    "slow_samples",
    "work_rings",
]

WORK = 2
"""Kind of a lane of a worker."""

_SLOW_AT = STAGE_SUMS_END
_SLOW = struct.Struct("<2d240s")
SLOWEST = 100
COUNTERS = (
    "samples", "split", "threads", "read_bytes", "mapped_bytes", "storage_bytes", "page_faults",
    "pages", "cached_pages", "counted", "uncounted", "accounted", "cpu_seconds",
    "core_wait_seconds",
)  # fmt: skip
"""What is counted beside the stages; ``threads`` is the most, all others are sums.

``split`` are the batches that were split into stages.
Bytes are those that reads were given, that were used of mapped files, and that came from storage.
Pages are those that were looked at, and of these those in the page cache. ``counted`` and
``uncounted`` tell how often the kernel's account of the process could be read, and how often not.
``accounted`` are the batches of which it is known what they took of the cores: CPU time is of all
threads of a process, which is not told where threads make batches beside others; waiting for a core
is of the thread that makes them.
"""
_COUNTERS_AT = _SLOW_AT + SLOWEST * _SLOW.size
_COUNTER = struct.Struct("<d")
_COUNTER_PLACES = {name: _COUNTERS_AT + at * _COUNTER.size for at, name in enumerate(COUNTERS)}
_BATCHES_AT = _COUNTERS_AT + len(COUNTERS) * _COUNTER.size
# Of the samples that threads make, every eighth tells enough of the median.
_EVERY_SAMPLE = 8


def work_rings(lane: Lane) -> tuple[Ring, Ring]:
    """Batches (start, seconds, samples, stages in the order of `STAGES`), and seconds a sample."""
    batches = Ring(lane, _BATCHES_AT, width=3 + len(STAGES), capacity=512, adds=True)
    after = _BATCHES_AT + batches.byte_count
    return batches, Ring(lane, after, width=1, capacity=4096, adds=False)


class WorkLane:
    """Writes what one worker does; one that follows in the same lane goes on adding.

    Args:
        lane: Claimed for it.
        facts: About it, told once.

    Attributes:
        slow_seconds: What a sample must take at least to be one of the slowest.
    """

    def __init__(self, lane: Lane, facts: dict[str, Any]) -> None:
        self._lane = lane
        self._batches, self._samples = work_rings(lane)
        self._stages = StageSums(lane)
        self._shares = [0.0] * len(STAGES)
        self._counters = counters(lane)
        # Each with its place in the lane.
        self._slow = [(sample.seconds, place) for place, sample in enumerate(slow_samples(lane))]
        heapq.heapify(self._slow)
        self.slow_seconds = self._least_slow()
        if not lane.facts():
            lane.tell(**facts)

    def write(self, batch: Batch) -> None:
        """Adds one batch."""
        if batch.is_split or not self._stages.make_up.parts:
            parts = batch.stages or {OTHER: (0, batch.seconds)}
            self._stages.add_split(parts)
            self._shares = _by_stage(self._stages.make_up.parts)
            stages: Iterable[float] = _by_stage(parts)
            self.count({"split": 1})
        else:
            self._stages.add_unsplit(batch.seconds)
            stages = map(batch.seconds.__mul__, self._shares)
        self._batches.add((batch.start, batch.seconds, batch.size, *stages))
        for sample in batch.samples:
            # Of a batch that is not split they are the slow ones alone.
            if batch.is_split:
                self._samples.add((sample.seconds,))
            self._keep_if_slow(sample)
        if batch.times is not None:
            self._take_in(batch.times)
        self.count({"samples": batch.size})

    def count(self, found: Mapping[str, float]) -> None:
        """Adds to counters, by the names of `COUNTERS`."""
        for name, number in found.items():
            before = self._counters[name]
            value = max(before, number) if name == "threads" else before + number
            self._counters[name] = value
            _COUNTER.pack_into(self._lane.memory, self._lane.at + _COUNTER_PLACES[name], value)

    def _take_in(self, times: SampleTimes) -> None:
        first = int(-self._counters["samples"]) % _EVERY_SAMPLE
        for seconds in times.seconds[first::_EVERY_SAMPLE].tolist():
            self._samples.add((seconds,))
        for at in np.flatnonzero(times.seconds > self.slow_seconds).tolist():
            index, seconds = int(times.indices[at]), float(times.seconds[at])
            if seconds > self.slow_seconds:
                self._keep_if_slow(Sample(index=index, seconds=seconds, name=times.name(index)))

    def add(self, stage: str, operation: str = "", *, count: int, seconds: float) -> None:
        """Adds time to a stage."""
        self._stages.add((stage, operation), count=count, seconds=seconds)

    def _least_slow(self) -> float:
        return self._slow[0][0] if len(self._slow) == SLOWEST else 0.0

    def _keep_if_slow(self, sample: Sample) -> None:
        place = len(self._slow)
        if place < SLOWEST:
            heapq.heappush(self._slow, (sample.seconds, place))
        elif sample.seconds > self._slow[0][0]:
            _, place = self._slow[0]
            heapq.heapreplace(self._slow, (sample.seconds, place))
        else:
            return
        self.slow_seconds = self._least_slow()
        # The end of a path says more than its beginning.
        name = sample.name.encode(errors="replace")[-240:]
        at = self._lane.at + _SLOW_AT + place * _SLOW.size
        _SLOW.pack_into(self._lane.memory, at, sample.seconds, sample.index, name)


def _by_stage(parts: Mapping[StageKey, tuple[float, float]]) -> list[float]:
    """What each of `STAGES` has, with its operations, of what comes second for each key."""
    sums = dict.fromkeys(STAGES, 0.0)
    for (stage, _), (_, part) in parts.items():
        sums[stage] += part
    return list(sums.values())


def counters(lane: Lane) -> dict[str, float]:
    """What a lane has counted, by the names of `COUNTERS`."""
    return {
        name: _COUNTER.unpack_from(lane.memory, lane.at + place)[0]
        for name, place in _COUNTER_PLACES.items()
    }


def slow_samples(lane: Lane) -> list[Sample]:
    """The slowest samples of a lane, in no order."""
    found = []
    for place in range(SLOWEST):
        at = lane.at + _SLOW_AT + place * _SLOW.size
        seconds, index, name = _SLOW.unpack_from(lane.memory, at)
        if seconds > 0:
            text = name.rstrip(b"\0").decode(errors="replace")
            found.append(Sample(index=int(index), seconds=seconds, name=text))
    return found

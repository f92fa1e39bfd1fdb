"""The lane of a worker: how long its stages took, its batches, and its slowest samples."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastdata.profiling.clocks.stageclock import Batch, Sample, SampleTimes, StageKey
from fastdata.profiling.lanes.channel import RINGS_AT, Lane
from fastdata.profiling.lanes.rings import Ring
from fastdata.profiling.record import STAGES

__all__ = [
    "COUNTERS",
    "WORK",
    "StageTotals",
    "WorkLane",
    "counters",
    "slow_samples",
    "stage_totals",
    "work_rings",
]

WORK = 2
"""Kind of a lane of a worker."""

_MOST_STAGES = 128
_STAGE = struct.Struct("<2d")
_SLOW_AT = RINGS_AT + _MOST_STAGES * _STAGE.size
_SLOW = struct.Struct("<2d240s")
SLOWEST = 100
COUNTERS = (
    "samples", "threads", "read_bytes", "mapped_bytes", "storage_bytes", "page_faults", "pages",
    "cached_pages", "counted", "uncounted", "cpu_seconds", "core_wait_seconds",
)  # fmt: skip
"""What is counted beside the stages; ``threads`` is the most, all others are sums.

Bytes are those that reads were given, that were used of mapped files, and that came from storage.
Pages are those that were looked at, and of these those in the page cache. ``counted`` and
``uncounted`` tell how often the kernel's account of the process could be read, and how often not.
CPU time is of all threads of a process, which is not told where threads make batches beside others;
waiting for a core is of the thread that makes them.
"""
_COUNTERS_AT = _SLOW_AT + SLOWEST * _SLOW.size
_COUNTER = struct.Struct("<d")
_BATCHES_AT = _COUNTERS_AT + len(COUNTERS) * _COUNTER.size
# Of the samples that threads make, every eighth tells enough of the median.
_EVERY_SAMPLE = 8

StageTotals = dict[StageKey, tuple[int, float]]


def work_rings(lane: Lane) -> tuple[Ring, Ring]:
    """Batches (start, seconds, samples, stages in the order of `STAGES`), and seconds a sample."""
    batches = Ring(lane, _BATCHES_AT, width=3 + len(STAGES), capacity=512, adds=False)
    after = _BATCHES_AT + batches.byte_count
    return batches, Ring(lane, after, width=1, capacity=4096, adds=False)


class WorkLane:
    """Writes what one worker does; one that follows in the same lane goes on adding.

    Args:
        lane: Claimed for it.
        facts: About it, told once.
    """

    def __init__(self, lane: Lane, facts: dict[str, Any]) -> None:
        self._lane = lane
        self._batches, self._samples = work_rings(lane)
        self._totals = stage_totals(lane)
        self._counters = counters(lane)
        self._places = {key: place for place, key in enumerate(_stage_names(lane))}
        self._slow = [(sample.seconds, sample.index, sample.name) for sample in slow_samples(lane)]
        heapq.heapify(self._slow)
        if not lane.facts():
            lane.tell(**facts)

    def write(self, batch: Batch) -> None:
        """Adds one batch."""
        sums = dict.fromkeys(STAGES, 0.0)
        for (stage, operation), (count, seconds) in batch.stages.items():
            self.add(stage, operation, count=count, seconds=seconds)
            sums[stage] += seconds
        self._batches.add((batch.start, batch.seconds, batch.size, *sums.values()))
        slow = False
        for sample in batch.samples:
            # Of a batch that is not split they are the slow ones alone.
            if batch.is_split:
                self._samples.add((sample.seconds,))
            slow |= self._keep_if_slow(sample)
        if batch.times is not None:
            slow |= self._take_in(batch.times)
        if slow:
            self._write_slow()
        self.count({"samples": batch.size})

    @property
    def slow_seconds(self) -> float:
        """What a sample must take at least to be one of the slowest."""
        return self._slow[0][0] if len(self._slow) == SLOWEST else 0.0

    def count(self, found: Mapping[str, float]) -> None:
        """Adds to counters, by the names of `COUNTERS`."""
        for name, number in found.items():
            before = self._counters[name]
            value = max(before, number) if name == "threads" else before + number
            self._counters[name] = value
            at = self._lane.at + _COUNTERS_AT + COUNTERS.index(name) * _COUNTER.size
            _COUNTER.pack_into(self._lane.memory, at, value)

    def _take_in(self, times: SampleTimes) -> bool:
        first = int(-self._counters["samples"]) % _EVERY_SAMPLE
        for seconds in times.seconds[first::_EVERY_SAMPLE].tolist():
            self._samples.add((seconds,))
        slow, least = False, self.slow_seconds
        for at in np.flatnonzero(times.seconds > least).tolist():
            index, seconds = int(times.indices[at]), float(times.seconds[at])
            if len(self._slow) < SLOWEST or seconds > self._slow[0][0]:
                slow |= self._keep_if_slow(
                    Sample(index=index, seconds=seconds, name=times.name(index))
                )
        return slow

    def add(self, stage: str, operation: str = "", *, count: int, seconds: float) -> None:
        """Adds time to a stage."""
        key = stage, operation
        place = self._places.get(key)
        if place is None:
            place = len(self._places)
            if place == _MOST_STAGES:
                return
            self._places[key] = place
            self._lane.tell(stage=stage, operation=operation)
        before, total = self._totals.get(key, (0, 0.0))
        self._totals[key] = before + count, total + seconds
        at = self._lane.at + RINGS_AT + place * _STAGE.size
        _STAGE.pack_into(self._lane.memory, at, *self._totals[key])

    def _keep_if_slow(self, sample: Sample) -> bool:
        entry = sample.seconds, sample.index, sample.name
        if len(self._slow) < SLOWEST:
            heapq.heappush(self._slow, entry)
        elif entry > self._slow[0]:
            heapq.heapreplace(self._slow, entry)
        else:
            return False
        return True

    def _write_slow(self) -> None:
        for place, (seconds, index, name) in enumerate(self._slow):
            at = self._lane.at + _SLOW_AT + place * _SLOW.size
            # The end of a path says more than its beginning.
            written = name.encode(errors="replace")[-240:]
            _SLOW.pack_into(self._lane.memory, at, seconds, index, written)


def _stage_names(lane: Lane) -> list[StageKey]:
    return [(fact["stage"], fact["operation"]) for fact in lane.facts() if "stage" in fact]


def stage_totals(lane: Lane) -> StageTotals:
    """How often each stage and operation of a lane ran, and the seconds of its own."""
    found: StageTotals = {}
    for place, key in enumerate(_stage_names(lane)):
        at = lane.at + RINGS_AT + place * _STAGE.size
        count, seconds = _STAGE.unpack_from(lane.memory, at)
        found[key] = int(count), seconds
    return found


def counters(lane: Lane) -> dict[str, float]:
    """What a lane has counted, by the names of `COUNTERS`."""
    at = lane.at + _COUNTERS_AT
    return {
        name: _COUNTER.unpack_from(lane.memory, at + place * _COUNTER.size)[0]
        for place, name in enumerate(COUNTERS)
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

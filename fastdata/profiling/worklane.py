"""The lane of a worker: how long its stages took, its batches, and its slowest samples."""

from __future__ import annotations

import heapq
import struct
from typing import Any

from fastdata.profiling.channel import RINGS_AT, Lane
from fastdata.profiling.record import STAGES
from fastdata.profiling.rings import Ring
from fastdata.profiling.stageclock import Batch, Sample, StageKey

__all__ = ["WORK", "StageTotals", "WorkLane", "slow_samples", "stage_totals", "work_rings"]

WORK = 2
"""Kind of a lane of a worker."""

_MOST_STAGES = 128
_STAGE = struct.Struct("<2d")
_SLOW_AT = RINGS_AT + _MOST_STAGES * _STAGE.size
_SLOW = struct.Struct("<2d240s")
SLOWEST = 100
_BATCHES_AT = _SLOW_AT + SLOWEST * _SLOW.size

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
        self._batches.add((batch.start, batch.seconds, len(batch.samples), *sums.values()))
        for sample in batch.samples:
            self._samples.add((sample.seconds,))
            self._keep_if_slow(sample)

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

    def _keep_if_slow(self, sample: Sample) -> None:
        entry = sample.seconds, sample.index, sample.name
        if len(self._slow) < SLOWEST:
            heapq.heappush(self._slow, entry)
        elif entry > self._slow[0]:
            heapq.heapreplace(self._slow, entry)
        else:
            return
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

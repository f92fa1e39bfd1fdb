"""What the workers of the training loader wrote, as the figures of a profile."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastdata.profiling.findings.estimates import median_of
from fastdata.profiling.lanes.channel import Lane
from fastdata.profiling.lanes.stagesums import StageTotals, stage_totals
from fastdata.profiling.lanes.worklane import (
    SLOWEST,
    WORK,
    counters,
    slow_samples,
    work_rings,
)
from fastdata.profiling.record import (
    SHARED_STAGES,
    STAGES,
    LoaderFacts,
    Reading,
    Segment,
    SlowSample,
    Stage,
    Stretch,
    WorkerLane,
    Workers,
)

__all__ = ["Before", "summarise_workers", "work_so_far"]

# So that a page with 64 workers stays small.
_MOST_SEGMENTS = 400
_MOST_STRETCHES = 80
# Bytes a batch; less was read of the kernel's accounts by the profiler itself.
_LEAST_READ = 1024


@dataclass(frozen=True)
class Before:
    """What a worker had done when the measuring began.

    Attributes:
        at: When that was, on the wall clock of the batches.
        batches: Made by then.
        totals: Of its stages.
        counters: See `worklane.COUNTERS`.
    """

    at: float
    batches: int
    totals: StageTotals
    counters: dict[str, float]


def work_so_far(lanes: Sequence[Lane], at: float) -> dict[int, Before]:
    """What the workers have done by now, by the numbers of their lanes."""
    return {
        lane.number: Before(at, work_rings(lane)[0].seen, stage_totals(lane), counters(lane))
        for lane in lanes
        if lane.kind == WORK
    }


def summarise_workers(
    lanes: Sequence[Lane],
    loader: LoaderFacts | None,
    *,
    pid: int,
    begun: float,
    ready_share: float | None,
    before: Mapping[int, Before],
) -> Workers:
    """Reads the lanes of those workers that serve the training loader.

    Args:
        lanes: All of the channel.
        loader: The training loader.
        pid: Of the training process.
        begun: When the profile began, on the wall clock of the batches.
        ready_share: See `Workers`.
        before: Of each lane, what is left out of the sums.
    """
    found = [_Seen(lane, before.get(lane.number)) for lane in lanes if lane.kind == WORK]
    mine = [one for one in found if one.serves(loader, pid)]
    if not mine:
        return Workers(ready_share=ready_share)
    totals = _sum(one.totals for one in mine)
    samples = sum(one.samples for one in mine)
    seconds = [value for one in mine for value in one.sample_seconds]
    counted, batches = _added(one.counters for one in mine), sum(one.batches for one in mine)
    accounted = counted["accounted"]
    return Workers(
        lanes=tuple(one.lane_record(begun) for one in mine),
        stages=_stages(
            totals,
            batches=batches,
            samples=samples,
            lanes=len(mine),
            threads=max(one.threads for one in mine),
        ),
        split_batches=round(counted["split"]),
        ready_share=ready_share,
        sample_seconds=median_of(seconds) if seconds else None,
        slowest=_slowest(mine, samples),
        reading=_reading(counted, max(one.wall for one in mine), batches=batches),
        cpu_seconds_per_batch=counted["cpu_seconds"] / accounted if accounted else None,
        core_wait_seconds_per_batch=counted["core_wait_seconds"] / accounted if accounted else None,
    )


class _Seen:
    """One worker's lane, read; its pictures and its slowest samples are those of the whole run."""

    def __init__(self, lane: Lane, before: Before | None) -> None:
        self.lane = lane
        self.facts: dict[str, Any] = {}
        for fact in lane.facts():
            if "training_pid" in fact:
                self.facts = fact
        self.totals = stage_totals(lane)
        batch_ring, sample_ring = work_rings(lane)
        self.entries, self.stride = batch_ring.entries()
        self.batches = batch_ring.seen
        self.counters = counters(lane)
        self._first = -math.inf
        if before is not None and before.batches < self.batches:
            self._leave_out(before)
        self.samples = round(self.counters["samples"])
        self.threads = max(1, round(self.counters["threads"]))
        self.sample_seconds = [entry[0] for entry in sample_ring.entries()[0]]

    def _leave_out(self, before: Before) -> None:
        self._first = before.at
        self.batches -= before.batches
        for key, (count, seconds) in before.totals.items():
            now, total = self.totals.pop(key)
            if now > count or total > seconds:
                self.totals[key] = now - count, total - seconds
        for name, number in before.counters.items():
            self.counters[name] -= number if name != "threads" else 0.0

    @property
    def name(self) -> str:
        """As in `WorkerLane`."""
        return str(self.facts.get("name", "?"))

    @property
    def wall(self) -> float:
        """As `wall_seconds` of `WorkerLane`."""
        first = next((one for one in self.entries if one[0] >= self._first), self.entries[0])
        last = self.entries[-1]
        return last[0] + last[1] - first[0]

    def serves(self, loader: LoaderFacts | None, pid: int) -> bool:
        """Whether it makes batches for the training loader of this process."""
        if loader is None or self.facts.get("training_pid") != pid or not self.batches:
            return False
        wanted = loader.dataset, loader.samples
        return (self.facts["dataset"], self.facts["samples"]) == wanted

    def lane_record(self, begun: float) -> WorkerLane:
        """The record."""
        busy = sum(seconds for _, seconds in self.totals.values())
        return WorkerLane(
            name=self.name,
            kind=self.facts["kind"],
            pid=self.lane.pid,
            batches=self.batches,
            samples=self.samples or None,
            wall_seconds=self.wall,
            busy_seconds=busy,
            stages=_stages(
                self.totals,
                batches=self.batches,
                samples=self.samples,
                lanes=1,
                threads=self.threads,
            ),
            segments=tuple(self._segments(begun)),
            stretches=tuple(self._stretches(begun)),
            reading=_reading(self.counters, self.wall, batches=self.batches),
        )

    def _segments(self, begun: float) -> Iterable[Segment]:
        every = max(1, math.ceil(len(self.entries) * len(STAGES) / _MOST_SEGMENTS))
        for start, _, _, *stages in self.entries[::every]:
            now = start - begun
            for name, added in zip(STAGES, stages, strict=True):
                seconds = added / self.stride
                if seconds > 0 and now >= 0:
                    yield Segment(start_seconds=now, seconds=seconds, stage=name)
                now += seconds

    def _stretches(self, begun: float) -> Iterable[Stretch]:
        entries = [entry for entry in self.entries if entry[0] >= begun]
        size = math.ceil(len(entries) / _MOST_STRETCHES)
        for at in range(0, len(entries), size or 1):
            group, following = entries[at : at + size], entries[at + size : at + size + 1]
            start, last = group[0][0], group[-1]
            end = following[0][0] if following else last[0] + last[1]
            sums = [math.fsum(column) for column in list(zip(*group, strict=True))[3:]]
            seconds = max(end - start, math.fsum(sums))
            yield Stretch(
                start_seconds=start - begun,
                seconds=end - start,
                shares={
                    name: one / seconds for name, one in zip(STAGES, sums, strict=True) if one > 0
                },
            )


def _sum(all_totals: Iterable[StageTotals]) -> StageTotals:
    summed: StageTotals = {}
    for totals in all_totals:
        for key, (count, seconds) in totals.items():
            before, total = summed.get(key, (0, 0.0))
            summed[key] = before + count, total + seconds
    return summed


def _added(all_counters: Iterable[dict[str, float]]) -> dict[str, float]:
    summed: dict[str, float] = {}
    for one in all_counters:
        summed = {name: summed.get(name, 0.0) + number for name, number in one.items()}
    return summed


def _reading(counted: dict[str, float], wall: float, *, batches: int) -> Reading | None:
    asked, storage = counted["read_bytes"] + counted["mapped_bytes"], counted["storage_bytes"]
    is_known = counted["counted"] > 0
    if not (is_known or counted["uncounted"]) or not (asked or counted["pages"]):
        return None
    if max(asked, storage) < _LEAST_READ * batches and not counted["pages"]:
        return None
    return Reading(
        asked_bytes=round(asked),
        storage_bytes=round(storage) if is_known else None,
        storage_share=min(1.0, storage / asked) if is_known and asked else None,
        bytes_per_second=max(asked, storage) / wall if wall > 0 else None,
        page_faults=round(counted["page_faults"]),
        cached_share=counted["cached_pages"] / counted["pages"] if counted["pages"] else None,
    )


def _stages(
    totals: StageTotals, *, batches: int, samples: int, lanes: int, threads: int
) -> tuple[Stage, ...]:
    busy = sum(seconds for _, seconds in totals.values())

    def stage(name: str, operation: str, count: int, seconds: float) -> Stage:
        return Stage(
            name=name,
            operation=operation,
            count=count,
            total_seconds=seconds,
            seconds_per_sample=seconds / samples if samples else None,
            seconds_per_batch=seconds / max(batches, 1),
            share=min(1.0, seconds / busy) if busy else 0.0,
            threads=threads if name in SHARED_STAGES else 1,
            samples_per_second=samples * lanes / seconds if samples and seconds > 0 else None,
        )

    whole = []
    for name in STAGES:
        parts = [value for (stage_name, _), value in totals.items() if stage_name == name]
        if parts:
            own = totals.get((name, ""), (0, 0.0))[0] or max(count for count, _ in parts)
            whole.append(stage(name, "", own, sum(seconds for _, seconds in parts)))
    operations = [
        stage(name, operation, *value) for (name, operation), value in totals.items() if operation
    ]
    return tuple(itertools.chain(whole, operations))


def _slowest(seen: Sequence[_Seen], samples: int) -> tuple[SlowSample, ...]:
    every = [(sample, one.name) for one in seen for sample in slow_samples(one.lane)]
    every.sort(key=lambda pair: -pair[0].seconds)
    count = min(SLOWEST, math.ceil(samples / 100))
    return tuple(
        SlowSample(
            index=None if sample.index < 0 else sample.index,
            name=sample.name,
            seconds=sample.seconds,
            worker=name,
        )
        for sample, name in every[:count]
    )

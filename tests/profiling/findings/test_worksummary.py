"""The time of a worker is divided as it was spent, however many batches it made."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest

from fastdata.profiling.clocks.batches import Batch
from fastdata.profiling.findings.worksummary import summarise_workers
from fastdata.profiling.lanes.channel import Channel
from fastdata.profiling.lanes.worklane import WORK, WorkLane
from fastdata.profiling.record import LoaderFacts, WorkerLane

QUICK, SLOW = 0.5, 1.5


def made_lane(batches: int, *, rest: float) -> WorkerLane:
    """Of one that decodes by turns quickly and slowly, and rests after every second batch."""
    channel = Channel.create()
    try:
        lane = channel.claim(WORK)
        assert lane is not None
        facts = {"name": "worker 0", "kind": "process", "dataset": "Photos", "samples": 10}
        writer = WorkLane(lane, {**facts, "training_pid": 7})
        now = 100.0
        for number in range(batches):
            seconds = SLOW if number % 2 else QUICK
            stages = {("read", ""): (1, 0.25 * seconds), ("decode", ""): (1, 0.75 * seconds)}
            writer.write(Batch(start=now, seconds=seconds, stages=stages, size=1))
            now += seconds + rest * (number % 2)
        loader = LoaderFacts(
            kind="DataLoader", engine=None, dataset="Photos", samples=10, batch_size=1, workers=1,
            prefetch_batches=2, pin_memory=False, persistent_workers=False,
        )  # fmt: skip
        (found,) = summarise_workers(
            channel.lanes(), loader, pid=7, begun=90.0, ready_share=None, before={}
        ).lanes
        return found
    finally:
        channel.close()


@pytest.mark.parametrize("batches", [1, 7, 320, 512, 5000])
def test_a_worker_that_never_rests_has_no_blank(batches: int) -> None:
    lane = made_lane(batches, rest=0.0)
    assert len(lane.stretches) <= 80 and lane.stretches[0].start_seconds == 10.0
    for stretch in lane.stretches:
        assert math.fsum(stretch.shares.values()) == pytest.approx(1.0)
    for one, following in itertools.pairwise(lane.stretches):
        assert one.start_seconds + one.seconds == pytest.approx(following.start_seconds)


@pytest.mark.parametrize("batches", [320, 512, 5000])
def test_rest_is_blank(batches: int) -> None:
    lane = made_lane(batches, rest=2.0)
    for stretch in lane.stretches[:-1]:
        assert stretch.shares["read"] == pytest.approx(0.125, rel=0.3)
        assert stretch.shares["decode"] == pytest.approx(0.375, rel=0.3)


def test_a_segment_takes_as_long_as_a_batch_does() -> None:
    for batches in (100, 5000):
        decoded = [
            one.seconds for one in made_lane(batches, rest=0.0).segments if one.stage == "decode"
        ]
        assert statistics.mean(decoded) == pytest.approx(0.75, rel=0.1)

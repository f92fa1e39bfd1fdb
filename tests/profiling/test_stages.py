"""The time of making a batch belongs to its stages, on a clock that tests can turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fastdata.profiling.channel import Channel
from fastdata.profiling.stageclock import Batch, StageClock
from fastdata.profiling.worklane import WorkLane, slow_samples, stage_totals, work_rings


class Worker:
    def __init__(self) -> None:
        self.now = 50.0
        self.batches: list[Batch] = []
        self.clock = StageClock(self.batches.append, clock=lambda: self.now)

    def spend(self, seconds: float) -> None:
        self.now += seconds

    def make(self, index: int, *, slow: float = 0.0) -> None:
        def sample() -> None:
            self.clock.enter("transform")
            self.clock.enter("transform", "Crop")
            self.spend(0.25)
            self.clock.enter("decode")
            self.spend(1.0 + slow)
            self.clock.enter("read")
            self.clock.name_sample(f"{index}.jpg")
            self.spend(0.5)
            self.clock.leave()
            self.clock.leave()
            self.clock.leave()
            self.spend(0.125)
            self.clock.leave()

        self.clock.time_sample(sample, index)

    def batch(self, *indices: int, slow: float = 0.0) -> None:
        self.clock.begin()
        for index in indices:
            self.make(index, slow=slow)
        self.clock.enter("collate")
        self.spend(2.0)
        self.clock.leave()
        self.spend(0.5)
        self.clock.end()


def test_a_stage_inside_another_takes_its_time_from_it() -> None:
    worker = Worker()
    worker.batch(3, 4)
    (batch,) = worker.batches
    assert batch.stages == {
        ("other", ""): (0, 0.5),
        ("transform", ""): (2, 0.25),
        ("transform", "Crop"): (2, 0.5),
        ("decode", ""): (2, 2.0),
        ("read", ""): (2, 1.0),
        ("collate", ""): (1, 2.0),
    }
    assert batch.seconds == sum(seconds for _, seconds in batch.stages.values()) == 6.25
    assert [(one.index, one.seconds, one.name) for one in batch.samples] == [
        (3, 1.875, "3.jpg"),
        (4, 1.875, "4.jpg"),
    ]


def test_outside_of_a_batch_nothing_is_timed() -> None:
    worker = Worker()
    assert not worker.clock.enter("decode")
    worker.clock.begin()
    assert not worker.clock.enter("other") and worker.clock.enter("read")
    assert not worker.clock.enter("read")


@pytest.fixture
def channel() -> Iterator[Channel]:
    made = Channel.create()
    yield made
    made.close()


def test_a_lane_holds_totals_and_the_slowest_samples(channel: Channel) -> None:
    worker = Worker()
    for number in range(300):
        worker.batch(number, slow=number / 100)
    for half in (worker.batches[:150], worker.batches[150:]):
        lane = channel.claim(2, "the same again")
        assert lane is not None
        writer = WorkLane(lane, {"worker": 0})
        for batch in half:
            writer.write(batch)
    (lane,) = channel.lanes()
    totals = stage_totals(lane)
    assert totals["collate", ""] == (300, 600.0)
    assert totals["decode", ""][1] == pytest.approx(300 + 299 * 150 / 100)
    slow = slow_samples(lane)
    assert {sample.index for sample in slow} == set(range(200, 300))
    assert {sample.name for sample in slow} == {f"{number}.jpg" for number in range(200, 300)}
    batches, samples = (ring.entries() for ring in work_rings(lane))
    assert len(batches[0]) == 300 and batches[0][0][:3] == (50.0, 4.375, 1)
    assert len(samples[0]) == 300

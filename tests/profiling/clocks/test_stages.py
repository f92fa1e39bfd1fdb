"""The time of making a batch belongs to its stages, on a clock that tests can turn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from fastdata.profiling.clocks.batches import OPENED, Batch, SampleTimes
from fastdata.profiling.clocks.stageclock import StageClock
from fastdata.profiling.clocks.storage import Usage
from fastdata.profiling.lanes.channel import Channel
from fastdata.profiling.lanes.stagesums import stage_totals
from fastdata.profiling.lanes.worklane import WorkLane, counters, slow_samples, work_rings


class Worker:
    def __init__(self) -> None:
        self.now = 50.0
        self.batches: list[Batch] = []
        self.clock = StageClock(self.batches.append, clock=lambda: self.now)

    def spend(self, seconds: float) -> None:
        self.now += seconds

    def make(self, index: int, *, slow: float) -> None:
        self.clock.enter("transform")
        self.clock.enter("transform", "Crop")
        self.spend(0.25)
        self.clock.enter("decode")
        self.spend(1.0 + slow)
        self.clock.enter("read")
        OPENED.files.append(f"{index}.jpg")
        self.spend(0.5)
        self.clock.leave()
        self.clock.leave()
        self.clock.leave()
        self.spend(0.125)
        self.clock.leave()

    def batch(self, *indices: int, slow: float = 0.0) -> None:
        self.clock.begin()
        for index in self.clock.timed(indices):
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
    assert worker.clock.busy_seconds == 6.25
    worker.clock.begin()
    worker.spend(1.0)
    assert worker.clock.busy_seconds == 7.25
    assert [(one.index, one.seconds, one.name) for one in batch.samples] == [
        (3, 1.875, "3.jpg"),
        (4, 1.875, "4.jpg"),
    ]


def test_time_in_which_a_mapped_file_waits_for_storage_is_reading() -> None:
    now, used = 50.0, Usage(3, 1.0)
    batches: list[Batch] = []
    clock = StageClock(batches.append, clock=lambda: now, usage=lambda: used)
    clock.begin(watches_faults=True)
    clock.enter("decode")
    now, used = 54.0, Usage(5, 1.5)  # two faults; half a second of four was computing
    clock.leave()
    clock.enter("transform")
    now, used = 55.0, Usage(5, 1.5)  # asleep, or without a core
    clock.leave()
    clock.end()
    (batch,) = batches
    assert batch.stages["read", "page faults"] == (2, 3.5)
    assert batch.stages["decode", ""] == (1, 0.5) and batch.stages["transform", ""] == (1, 1.0)
    assert batch.seconds == sum(seconds for _, seconds in batch.stages.values()) == 5.0


def test_what_threads_share_leaves_the_rest_to_its_own_stage() -> None:
    worker = Worker()
    worker.clock.begin()
    worker.clock.enter("decode")
    worker.spend(4.0)
    worker.clock.see_samples(np.array([7, 2]), np.array([3.0, 1.0]), "{}.jpg".format)
    worker.clock.see_samples(np.array([7, 2]), np.array([0.5, 0.5]), "{}.jpg".format)
    worker.clock.leave_shared({("resize", ""): 1.0, ("other", "threads without work"): 0.5})
    worker.clock.enter("decode")
    worker.spend(1.0)
    worker.clock.leave_shared({("resize", ""): 4.0})  # another clock's word for it
    worker.clock.count_samples(2)
    worker.clock.end()
    (batch,) = worker.batches
    assert batch.stages["decode", ""] == (2, 2.5) and batch.stages["resize", ""] == (2, 2.0)
    assert batch.seconds == sum(seconds for _, seconds in batch.stages.values()) == 5.0
    assert batch.times is not None and batch.times.seconds.tolist() == [3.5, 1.5]
    assert batch.size == 2


@pytest.fixture
def channel() -> Iterator[Channel]:
    made = Channel.create()
    yield made
    made.close()


def test_samples_of_threads_are_kept_when_they_are_slow(channel: Channel) -> None:
    lane = channel.claim(2, "engine")
    assert lane is not None
    writer = WorkLane(lane, {"worker": 0})
    asked: list[int] = []

    def name(index: int) -> str:
        asked.append(index)
        return f"{index}.jpg"

    for number in range(30):
        indices = np.arange(number * 50, number * 50 + 50)
        seconds = np.where(indices < 1000, 0.001, 0.0001) + indices * 1e-9
        times = SampleTimes(indices=indices, seconds=seconds, name=name)
        writer.write(Batch(start=float(number), seconds=1.0, times=times, size=50))
    slow = slow_samples(lane)
    assert {sample.index for sample in slow} == set(range(900, 1000))
    assert all(sample.name == f"{sample.index}.jpg" for sample in slow)
    assert max(asked) < 1000  # quick samples are not asked for their names
    assert counters(lane)["samples"] == 1500
    seconds = [entry[0] for entry in work_rings(lane)[1].entries()[0]]
    assert len(seconds) == 1500 // 8 + 1 and 0.6 < sum(one > 5e-4 for one in seconds) / 188 < 0.7


def test_outside_of_a_batch_nothing_is_timed() -> None:
    worker = Worker()
    assert not worker.clock.enter("decode")
    worker.clock.begin()
    assert not worker.clock.enter("other") and worker.clock.enter("read")
    assert not worker.clock.enter("read")


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

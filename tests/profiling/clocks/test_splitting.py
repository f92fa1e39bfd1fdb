"""Of many batches only some are split into stages; the others are timed as a whole."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import fastdata.profiling
from fastdata.profiling import Profiler
from fastdata.profiling.alone import profile_loader
from fastdata.profiling.clocks.batches import OPENED, Batch
from fastdata.profiling.clocks.stageclock import StageClock
from fastdata.profiling.lanes.channel import Channel
from fastdata.profiling.lanes.stagesums import StageTotals, stage_totals
from fastdata.profiling.lanes.worklane import WORK, WorkLane

PROFILING = Path(fastdata.profiling.__file__).parent
READ, DECODE = ("read", ""), ("decode", "")


class Counting:
    """A worker whose samples are read and decoded, on a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.batches: list[Batch] = []
        self.clock = StageClock(self.batches.append, clock=lambda: self.now)

    def batch(self, *, read: float, decode: float, watches_faults: bool = False) -> None:
        self.clock.begin(many_turns=True, watches_faults=watches_faults)
        for _ in self.clock.timed(range(4)):
            self.sample(read, decode)
        self.clock.end()

    def sample(self, read: float, decode: float) -> None:
        for stage, seconds in (("read", read), ("decode", decode)):
            is_entered = self.clock.enter(stage)
            OPENED.files.append(Path("a") / "b.jpg")
            self.now += seconds
            if is_entered:
                self.clock.leave()


def test_the_first_batches_are_split_and_then_one_in_32() -> None:
    worker = Counting()
    for _ in range(2024):
        worker.batch(read=1.0, decode=3.0)
    split = [batch.is_split for batch in worker.batches]
    assert all(split[:24])
    assert 0.025 < sum(split[24:]) / 2000 < 0.04
    # By chance, so that what comes every eighth batch is not always seen, nor never.
    assert len({at % 8 for at, is_split in enumerate(split[24:]) if is_split}) == 8


def test_the_others_are_made_up_as_those_were_and_take_their_own_time() -> None:
    worker, random_costs = Counting(), random.Random(1)
    spent = {READ: 0.0, DECODE: 0.0}
    for number in range(6000):
        read, decode = random_costs.uniform(0.5, 1.5), 1.0 + number / 2000
        worker.batch(read=read, decode=decode)
        spent[READ] += 4 * read
        spent[DECODE] += 4 * decode
    totals = written(worker.batches)
    for key, seconds in spent.items():
        assert totals[key] == (4 * 6000, pytest.approx(seconds, rel=0.05))
    whole = sum(batch.seconds for batch in worker.batches)
    assert sum(seconds for _, seconds in totals.values()) == pytest.approx(whole)
    assert all(batch.size == 4 for batch in worker.batches)


def test_a_worker_in_the_lane_of_one_that_is_gone_adds_to_what_that_did() -> None:
    workers = Counting(), Counting()
    for worker in workers:
        for _ in range(200):
            worker.batch(read=1.0, decode=3.0)
    totals = written(*(worker.batches for worker in workers))
    assert totals[READ] == (4 * 400, pytest.approx(4 * 400 * 1.0))
    assert totals[DECODE] == (4 * 400, pytest.approx(4 * 400 * 3.0))


def written(*workers: Sequence[Batch]) -> StageTotals:
    """What a lane says that workers, one after the other, have written to it."""
    channel = Channel.create()
    try:
        for batches in workers:
            lane = channel.claim(WORK, "a worker")
            assert lane is not None
            writer = WorkLane(lane, {"worker": 0})
            for batch in batches:
                writer.write(batch)
        return stage_totals(lane)
    finally:
        channel.close()


def test_a_slow_sample_is_named_in_whichever_batch_it_comes() -> None:
    worker = Counting()
    for _ in range(100):
        worker.batch(read=1.0, decode=3.0)
    worker.clock.slow_seconds = 4.5
    worker.batch(read=1.0, decode=3.0)
    while worker.batches[-1].is_split:
        worker.batch(read=1.0, decode=3.0)
    assert worker.batches[-1].samples == []
    before = len(worker.batches)
    while all(batch.is_split for batch in worker.batches[before:]):
        worker.batch(read=2.0, decode=3.0)
    found = worker.batches[-1].samples
    assert [(one.seconds, one.name) for one in found] == [(5.0, "a/b.jpg")] * 4


def test_while_something_comes_from_storage_all_are_split() -> None:
    worker = Counting()
    for _ in range(100):
        worker.batch(read=1.0, decode=3.0, watches_faults=True)
    assert all(batch.is_split for batch in worker.batches)


def test_before_any_was_split_a_batch_is_other_code() -> None:
    worker = Counting()
    for _ in range(200):
        worker.batch(read=1.0, decode=3.0)
    first = next(batch for batch in worker.batches if not batch.is_split)
    assert written([first]) == {("other", ""): (0, 16.0)}


class Files(Dataset[torch.Tensor]):
    def __init__(self, path: Path) -> None:
        self.path = path

    def __len__(self) -> int:
        return 400

    def __getitem__(self, index: int) -> torch.Tensor:
        with open(self.path, "rb") as stream:
            return torch.tensor(len(stream.read()))


def test_every_sample_is_counted_and_every_second_has_its_stage(tmp_path: Path) -> None:
    path = tmp_path / "sample.bin"
    path.write_bytes(bytes(100_000))
    profile = profile_loader(DataLoader(Files(path), batch_size=2), batches=190, warmup=2)
    assert 24 <= profile.workers.split_batches < 100
    stages = {stage.name: stage for stage in profile.workers.stages if not stage.operation}
    assert stages["read"].count == pytest.approx(2 * 2 * 190, rel=0.05)
    assert sum(stage.share for stage in stages.values()) == pytest.approx(1.0, abs=0.01)
    assert profile.workers.slowest[0].name == str(path)


class SlowAtFirst(Files):
    """The first sample takes longer than any that is watched, which is then none of the slowest."""

    def __getitem__(self, index: int) -> torch.Tensor:
        if not index:
            time.sleep(0.02)
        return super().__getitem__(index)


def test_between_batches_that_are_split_a_sample_costs_two_calls(tmp_path: Path) -> None:
    """What notes its time, and what notes the file: each costs microseconds in cold caches."""
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    calls: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and Path(frame.f_code.co_filename).is_relative_to(PROFILING):
            calls.append(frame.f_code.co_name)

    counts = []
    for size in (8, 16):
        slow = 112 // size
        order = [[0] * size] * slow + [[1] * size] * (31 - slow)
        with Profiler(warmup=0) as profiler:
            batches = iter(profiler.watch(DataLoader(SlowAtFirst(path), batch_sampler=order)))
            for _ in range(30):
                next(batches)
            calls.clear()
            sys.setprofile(note)
            try:
                next(batches)
            finally:
                sys.setprofile(None)
        counts.append(len(calls))
    assert counts[1] - counts[0] == 2 * 8, calls

"""Of many batches only some are split into stages; the others are timed as a whole."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from fastdata.profiling.alone import profile_loader
from fastdata.profiling.clocks.splitting import Splitting
from fastdata.profiling.clocks.stageclock import Batch, StageClock

READ, DECODE = ("read", ""), ("decode", "")


class Counting:
    """A worker whose samples are read and decoded, on a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.batches: list[Batch] = []
        self.clock = StageClock(self.batches.append, clock=lambda: self.now)

    def batch(self, *, read: float, decode: float, watches_faults: bool = False) -> None:
        self.clock.begin(many_turns=True, watches_faults=watches_faults)
        for index in range(4):
            self.clock.time_sample(lambda: self.sample(read, decode), index)
        self.clock.end()

    def sample(self, read: float, decode: float) -> None:
        for stage, seconds in (("read", read), ("decode", decode)):
            is_entered = self.clock.enter(stage)
            self.clock.name_sample(Path("a") / "b.jpg")
            self.now += seconds
            if is_entered:
                self.clock.leave()


def test_the_first_batches_are_split_and_then_one_in_eight() -> None:
    worker = Counting()
    for _ in range(2024):
        worker.batch(read=1.0, decode=3.0)
    split = [batch.is_split for batch in worker.batches]
    assert all(split[:24])
    assert 0.1 < sum(split[24:]) / 2000 < 0.15
    # By chance, so that what comes every eighth batch is not always seen, nor never.
    assert len({at % 8 for at, is_split in enumerate(split[24:]) if is_split}) == 8


def test_the_others_are_made_up_as_those_were_and_take_their_own_time() -> None:
    worker, random_costs = Counting(), random.Random(1)
    spent = {READ: 0.0, DECODE: 0.0}
    for number in range(3000):
        read, decode = random_costs.uniform(0.5, 1.5), 1.0 + number / 1000
        worker.batch(read=read, decode=decode)
        spent[READ] += 4 * read
        spent[DECODE] += 4 * decode
    for key, seconds in spent.items():
        assert sum(batch.stages[key][1] for batch in worker.batches) == pytest.approx(
            seconds, rel=0.05
        )
        assert {batch.stages[key][0] for batch in worker.batches} == {4}
    for batch in worker.batches:
        assert sum(seconds for _, seconds in batch.stages.values()) == pytest.approx(batch.seconds)
        assert batch.size == 4


def test_a_slow_sample_is_named_in_whichever_batch_it_comes() -> None:
    worker = Counting()
    for _ in range(100):
        worker.batch(read=1.0, decode=3.0)
    worker.clock.slow_seconds = 4.5
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
    assert Splitting().guess(2.0) == {("other", ""): (0, 2.0)}


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
    stages = {stage.name: stage for stage in profile.workers.stages if not stage.operation}
    assert stages["read"].count == pytest.approx(2 * 2 * 190, rel=0.05)
    assert sum(stage.share for stage in stages.values()) == pytest.approx(1.0, abs=0.01)
    assert profile.workers.slowest[0].name == str(path)

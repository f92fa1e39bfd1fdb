"""What a worker keeps of a few batches is written before it rests, ends, or is asked about."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from fastdata import Profiler
from fastdata.profiling.record import Workers

EPOCHS, BATCHES = 3, 41


class Numbers(Dataset[torch.Tensor]):
    """The last sample is slow to be made."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.transform = double

    def __len__(self) -> int:
        return 2 * BATCHES

    def __getitem__(self, index: int) -> torch.Tensor:
        time.sleep(0.02 if index == len(self) - 1 else self.seconds)
        return self.transform(torch.tensor(index))


def double(value: torch.Tensor) -> torch.Tensor:
    return value * 2


def workers(profiler: Profiler, *, batches: int) -> Workers:
    """Of so many batches, for which it waits: a worker writes once it has given the last one."""
    until = time.monotonic() + 10
    while True:
        found = profiler.report().workers
        if sum(lane.batches for lane in found.lanes) >= batches or time.monotonic() > until:
            return found
        time.sleep(0.01)


def count(seen: Workers, stage: str, operation: str = "") -> int:
    return next(one.count for one in seen.stages if (one.name, one.operation) == (stage, operation))


def go_through(profiler: Profiler, loader: Any, epochs: int = EPOCHS) -> None:
    for _ in range(epochs):
        for _ in profiler.watch(loader):
            profiler.step()


def test_a_worker_that_rests_between_epochs_has_written_all() -> None:
    loader = DataLoader(Numbers(), batch_size=2, num_workers=2, persistent_workers=True)
    with Profiler(warmup=0) as profiler:
        go_through(profiler, loader)
        seen = workers(profiler, batches=EPOCHS * BATCHES)
    assert sum(lane.batches for lane in seen.lanes) == EPOCHS * BATCHES
    assert sum(lane.samples or 0 for lane in seen.lanes) == EPOCHS * BATCHES * 2
    assert [one.index for one in seen.slowest] == [2 * BATCHES - 1] * 3


def test_what_surrounds_a_batch_is_counted_once_however_many_epochs_a_worker_lives() -> None:
    loader = DataLoader(Numbers(), batch_size=2, num_workers=1, persistent_workers=True)
    with Profiler(warmup=0) as profiler:
        go_through(profiler, loader)
        seen = workers(profiler, batches=EPOCHS * BATCHES)
    assert count(seen, "hand_over") == EPOCHS * BATCHES
    assert count(seen, "collate") == EPOCHS * BATCHES
    assert count(seen, "transform", "double") == EPOCHS * BATCHES * 2


def test_a_worker_that_is_left_in_the_middle_writes_as_it_ends() -> None:
    loader = DataLoader(Numbers(0.001), batch_size=2, num_workers=1)
    with Profiler(warmup=0) as profiler:
        for number, _ in enumerate(profiler.watch(loader), 1):
            profiler.step()
            if number == BATCHES - 5:
                break
        seen = workers(profiler, batches=BATCHES - 5)
    assert seen.lanes[0].batches in (BATCHES - 5, BATCHES - 4)


def test_a_training_thread_is_asked_in_the_middle() -> None:
    with Profiler(warmup=0) as profiler:
        for number, _ in enumerate(profiler.watch(DataLoader(Numbers(), batch_size=2)), 1):
            profiler.step()
            assert profiler.report().workers.lanes[0].batches == number

"""Loops whose waits are sleeps of known length, and their profiles."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset

from fastdata import Profiler
from fastdata.profiling import Profile
from fastdata.profiling.selfcheck.known import median_rows

WAIT = 0.02


class Slow(Dataset[Any]):
    def __init__(self, count: int = 24, seconds: float = WAIT) -> None:
        self.count, self.seconds = count, seconds

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> torch.Tensor:
        return asleep(self.seconds)


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[torch.Tensor]:
        for _ in range(24):
            yield asleep(WAIT)


def asleep(seconds: float) -> torch.Tensor:
    """A sample whose values are how long its sleep really was: on a busy machine, longer."""
    start = time.perf_counter()
    time.sleep(seconds)
    return torch.full((8,), time.perf_counter() - start)


SLEPT: list[float] = []
"""Of the samples of each `learn`, how long they slept."""


def profiled(run: Callable[[nn.Module, torch.optim.Optimizer], None]) -> Profile:
    net = nn.Linear(8, 2)
    SLEPT.clear()
    with Profiler(warmup=2) as profiler:
        run(net, torch.optim.SGD(net.parameters(), lr=0.01))
    return profiler.report()


def learn(net: nn.Module, optimizer: torch.optim.Optimizer, values: torch.Tensor) -> None:
    SLEPT.append(values[0, 0].item())
    net(values).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def assert_waits(profile: Profile, *, steps: int, batches: int = 1) -> None:
    """The wait of a step is what the samples of its batches have slept, and little more."""
    assert profile.steps == steps
    rows = median_rows(profile)
    slept = batches * statistics.median(SLEPT)
    assert 0.9 * slept <= rows["exposed_data_wait"] < 1.1 * slept + 0.005 * batches
    assert rows["residual"] + rows["other_host_work"] < 0.01

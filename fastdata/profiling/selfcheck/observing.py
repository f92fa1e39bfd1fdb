"""The gate on what the profiler itself costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import nullcontext

import torch
from torch import nn

from fastdata.profiling.findings.estimates import median_of
from fastdata.profiling.profiler import Profiler
from fastdata.profiling.record import Estimate
from fastdata.profiling.selfcheck.check import Check

__all__ = ["MODULES", "observer"]

MODULES = (60, 160)
"""Modules of the models that are tried; a ResNet-50 has 160 with its blocks."""

_MOST_SECONDS = 0.0003
"""Which is 1 % of a step of 30 ms; shorter ones may lose a larger share."""

_ASLEEP_SECONDS = 0.01
_WARMUP = 40


def observer(
    *, modules: tuple[int, ...] = MODULES, pairs: int = 30, steps: int = 8, device: str = "cpu"
) -> Iterator[Check]:
    """What the profiler costs a step, at most, in CPU time of the training thread.

    Blocks of steps with and without it alternate as ABBA, and each pair of neighbours gives the
    ratio of their means: what is done after every few steps counts with its share. How long a CPU
    takes for the same work doubles while others use the other half of its core, or its caches; the
    ratio is not changed by that, and what it is a ratio of is taken from the quickest tenth of the
    steps. The upper end of the interval over the pairs is what is checked.

    Args:
        modules: Of each model that is tried.
        pairs: Of blocks with and without.
        steps: Of a block; a multiple of 8, as many as the profiler does some of its work after.
        device: Where the model is.
    """
    for count in modules:
        cost = _cost(_Workload(count, device), pairs=pairs, steps=steps)
        yield Check(
            gate="observer" if device == "cpu" else "observer on a GPU",
            case=f"{count} modules, {cost.median * 1e3:.3f} in the median",
            expected=0.0,
            measured=cost.high * 1e3,
            tolerance=_MOST_SECONDS * 1e3,
            unit="ms a step",
        )


def _cost(workload: _Workload, *, pairs: int, steps: int) -> Estimate:
    """CPU seconds that the profiler adds to a step."""
    ratios, without = [], []
    for pair in range(pairs):
        means: dict[bool, float] = {}
        for is_on in (False, True) if pair % 2 == 0 else (True, False):
            with Profiler(warmup=0) if is_on else nullcontext():
                # The first step claims a lane, more is done after each of the first 32, and
                # Python learns anew what it calls.
                for _ in range(_WARMUP):
                    workload.step(asleep=0.0)
                seconds = [workload.step(asleep=_ASLEEP_SECONDS) for _ in range(steps)]
            means[is_on] = statistics.fmean(seconds)
            without += [] if is_on else seconds
        ratios.append(means[True] / means[False] - 1)
    ratio, quick = median_of(ratios), sorted(without)[len(without) // 10]
    return Estimate(median=ratio.median * quick, low=ratio.low * quick, high=ratio.high * quick)


class _Workload:
    """Steps of a model of many modules, mostly asleep as if a GPU computed.

    The modules do nothing: the profiler adds the same to a call whatever it does, but how long a
    CPU takes for the same work changes by half and more from one moment to the next, and with it
    all that is not the profiler's.
    """

    def __init__(self, modules: int, device: str) -> None:
        blocks = [nn.Sequential(nn.Identity(), nn.Identity()) for _ in range(modules // 3)]
        self._model = nn.Sequential(nn.Linear(8, 8), *blocks).to(device)
        self._optimizer = torch.optim.SGD(self._model.parameters(), lr=0.01)
        self._values = torch.ones(4, 8)
        self._device = device

    def step(self, *, asleep: float) -> float:
        """CPU seconds of one that sleeps so long."""
        start = time.thread_time()
        loss = self._model(self._values.to(self._device)).sum()
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        time.sleep(asleep)
        return time.thread_time() - start

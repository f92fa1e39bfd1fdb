"""The closed form on a GPU: work of known length, and what a late loader leaves of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from fastdata.profiling.profiler import Profiler
from fastdata.profiling.record import Profile
from fastdata.profiling.selfcheck.check import Check

__all__ = [
    "GPU_RATIOS",
    "BusyGpu",
    "SlowBatches",
    "cycles_for",
    "gpu_closed_form",
    "median_waits",
    "spin",
]

GPU_RATIOS = (0.25, 0.5, 0.8, 1.25, 2.0, 4.0)
"""Of what the loader takes for a batch to what the GPU computes in a step."""

_STEP_SECONDS = 0.04
_WARMUP = 5


def cycles_for(seconds: float) -> int:
    """How many cycles of `torch.cuda._sleep` last about so long on this GPU."""
    tried = 50_000_000
    spin(tried)  # the clock of an idle GPU is slow at first
    start, end = spin(tried)
    end.synchronize()
    return round(tried * seconds * 1e3 / float(start.elapsed_time(end)))


def spin(cycles: int) -> tuple[torch.cuda.Event, torch.cuda.Event]:
    """Keeps the GPU busy on the current stream; the events before and after."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record()
    torch.cuda._sleep(cycles)  # type: ignore[no-untyped-call]
    end.record()
    return start, end


class BusyGpu(nn.Module):
    """One weight; its forward keeps the GPU busy for `cycles`.

    Attributes:
        launched: When each forward began, on the CPU's clock.
        events: Before and after the work of each on the GPU.
    """

    def __init__(self, cycles: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, device="cuda"))
        self.launched: list[float] = []
        self.events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self._cycles = cycles

    def forward(self) -> torch.Tensor:
        """A loss."""
        self.launched.append(time.perf_counter())
        self.events.append(spin(self._cycles))
        return self.weight.sum()

    def seconds(self) -> list[float]:
        """What the work of each forward took; waits for the last."""
        torch.cuda.synchronize()
        return [start.elapsed_time(end) / 1e3 for start, end in self.events]


@dataclass
class SlowBatches:
    """Batches that take their time, and when each was asked for and there, on the CPU's clock."""

    count: int
    seconds: float
    asked: list[float] = field(default_factory=list)
    there: list[float] = field(default_factory=list)

    def __iter__(self) -> Iterator[int]:
        for number in range(self.count):
            self.asked.append(time.perf_counter())
            time.sleep(self.seconds)
            self.there.append(time.perf_counter())
            yield number


def gpu_closed_form(*, ratios: Sequence[float] = GPU_RATIOS, steps: int = 20) -> Iterator[Check]:
    """Exposed and hidden wait for a loader on the training thread, beside work on the GPU.

    What is expected follows from when batches were asked for and there, when work was launched, and
    how long the GPU took for it: the wait is exposed from where the GPU ran out of work.

    Args:
        ratios: Of the loader's time to the GPU's.
        steps: Measured for each ratio.
    """
    for ratio in ratios:
        compute = _STEP_SECONDS / max(1.0, ratio)
        batches = SlowBatches(_WARMUP + steps, ratio * compute)
        model = BusyGpu(cycles_for(compute))
        profile = _train(model, batches)
        exposed, hidden = _expected(model, batches)
        measured = median_waits(profile)
        for name, value, seen in zip(
            ("exposed", "hidden"), (exposed, hidden), measured, strict=True
        ):
            yield Check(
                gate="on a GPU",
                case=f"L : G = {ratio:g}, {name}",
                expected=value * 1e3,
                measured=seen * 1e3,
                tolerance=max(0.02 * _STEP_SECONDS, 0.0005) * 1e3,
                unit="ms a step",
            )


def _train(model: BusyGpu, batches: SlowBatches) -> Profile:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Profiler(warmup=_WARMUP) as profiler:
        for _ in profiler.watch(batches):
            model().backward()
            optimizer.step()
            optimizer.zero_grad()
        torch.cuda.synchronize()
    return profiler.report()


def _expected(model: BusyGpu, batches: SlowBatches) -> tuple[float, float]:
    """Medians of what each wait must have left exposed, and hidden."""
    free, exposed, hidden = 0.0, [], []
    events = zip(batches.asked, batches.there, model.launched, model.seconds(), strict=True)
    for asked, there, launched, busy in events:
        exposed.append(max(0.0, there - max(asked, free)))
        hidden.append(there - asked - exposed[-1])
        free = max(free, launched) + busy
    return statistics.median(exposed[_WARMUP:]), statistics.median(hidden[_WARMUP:])


def median_waits(profile: Profile) -> tuple[float, float]:
    """Exposed and hidden wait of the median steady step, in seconds."""
    shown = [number for number, kind in enumerate(profile.timeline.kinds) if kind == "steady"]
    columns = profile.timeline.rows["exposed_data_wait"], profile.timeline.hidden_wait
    exposed, hidden = (statistics.median(column[n] for n in shown) for column in columns)
    return exposed, hidden

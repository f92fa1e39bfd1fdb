"""A training whose times are known, run under the profiler."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader

from fastdata.profiling.clocks.corewait import CoreClock
from fastdata.profiling.profiler import Profiler
from fastdata.profiling.record import Profile
from fastdata.profiling.selfcheck.sleepers import (
    Collate,
    Delays,
    SlowModel,
    SlowOptimizer,
    SlowPictures,
    copied,
)

__all__ = ["Known", "median_rows", "train_known"]

WARMUP = 4


@dataclass(frozen=True, kw_only=True)
class Known:
    """A run, as the profiler saw it and as it saw itself.

    Attributes:
        profile: The profiler's.
        making_seconds: Mean that a worker took for a sample, by its own clock.
        step_seconds: Mean that a step took apart from waiting, by the loop's own clock.
        core_wait_seconds: Mean of a step, in which the loop was ready to run and had no core; 0
            where the system does not say.
    """

    profile: Profile
    making_seconds: float
    step_seconds: float
    core_wait_seconds: float


def train_known(delays: Delays, *, workers: int, steps: int, replay: int = 0) -> Known:
    """Trains on single pictures.

    Args:
        delays: How long each part takes.
        workers: Worker processes.
        steps: To measure, a multiple of `workers`: these deliver one each, and then rest together.
        replay: Steps that each what-if is then tried in; see `fastdata.profiling.clocks.plan`.
    """
    loader = DataLoader(
        SlowPictures(WARMUP + steps + 2 * replay, delays),
        num_workers=workers,
        collate_fn=Collate(delays.collate),
    )
    model = SlowModel(delays)
    optimizer = SlowOptimizer(model, delays)
    making: list[float] = []
    computing: list[float] = []
    lacking: list[float] = []
    core_clock = CoreClock()
    with Profiler(warmup=WARMUP, steps=steps if replay else None, replay=replay) as profiler:
        for value, took in loader:
            start = time.perf_counter()
            loss = model(copied(torch.tensor([value]), delays.copy))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            making.append(took)
            computing.append(time.perf_counter() - start)
            lacking.append(core_clock.read() or 0.0)
    return Known(
        profile=profiler.report(),
        making_seconds=statistics.fmean(making[WARMUP:]),
        step_seconds=statistics.fmean(computing[WARMUP:]),
        core_wait_seconds=statistics.fmean(lacking[WARMUP:]),
    )


def median_rows(profile: Profile) -> dict[str, float]:
    """The median of each row over steady steps, and of each stage over batches.

    Means would carry every pause that other programs of the machine have caused.
    """
    timeline = profile.timeline
    is_steady = [kind == "steady" for kind in timeline.kinds]
    rows = {
        name: statistics.median(
            seconds for seconds, steady in zip(column, is_steady, strict=True) if steady
        )
        for name, column in timeline.rows.items()
    }
    stages: dict[str, list[float]] = {}
    for lane in profile.workers.lanes:
        for segment in lane.segments:
            stages.setdefault(segment.stage, []).append(segment.seconds)
    return rows | {name: statistics.median(values) for name, values in stages.items()}

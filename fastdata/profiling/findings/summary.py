"""The steps that a training thread wrote, as the figures of a profile."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastdata.profiling.clocks.plan import (
    MORE_WORKERS,
    NORMAL,
    REPLAY_ALONE,
    REPLAY_BESIDE,
    WARM_CACHE,
)
from fastdata.profiling.findings.estimates import median_of, ratio_interval
from fastdata.profiling.lanes.channel import Lane
from fastdata.profiling.lanes.steplane import StepLog, step_rings
from fastdata.profiling.record import ROWS, Estimate, StartFigures, StepKind, Timeline

__all__ = ["NO_STEPS", "SKEWED", "StepSummary", "summarise_steps"]

# A first step that takes so much longer than the median is still compiling or filling caches.
_SLOW = 3.0
_SLOW_SECONDS = 0.1
_MOST_SHOWN = 2_000
_LEAST_REPLAYED = 5
SKEWED = 0.1
"""A median further from the mean, as a share of it, says little of what a step takes."""


@dataclass(frozen=True, kw_only=True)
class StepSummary:
    """What the steps of one thread say; see the fields of the same names in `Profile`.

    Attributes:
        pid: Of the process.
        rank: Of the process, from 0.
        facts: What the thread told of itself.
        fetches_per_step: Batches taken.
        core_wait_share: Of the wall time, waiting for a core.
        process_cpu_seconds: Of all threads of the process, a step; None where no step tells.
        drained_share: Of the steps, in which the GPU waited for the CPU to launch work.
        alone: Steps that got the same batch again while the loader rested; None where not tried.
        beside: Likewise while the loader ran.
        more: Steps whose batches other workers made, as many as `facts` tell.
        warm: Steps on samples just read.
    """

    pid: int
    rank: int
    facts: dict[str, Any]
    steps: int
    step_seconds: Estimate | None
    wall_seconds: float | None
    exposed_share: float | None
    exposed_share_low: float | None
    exposed_share_high: float | None
    hidden_share: float | None
    rows: dict[str, float]
    samples_per_step: float | None
    fetches_per_step: float
    ready_share: float | None
    core_wait_share: float | None
    process_cpu_seconds: float | None
    drained_share: float
    on_stream: bool
    alone: Estimate | None
    beside: Estimate | None
    more: Estimate | None
    warm: Estimate | None
    start: StartFigures
    timeline: Timeline


def summarise_steps(lane: Lane, *, begun: float) -> StepSummary:
    """Reads a lane of steps.

    Args:
        lane: Of kind `STEPS`.
        begun: When the profile began, on the wall clock of the steps.
    """
    steady_ring, special_ring = step_rings(lane)
    entries, stride = steady_ring.entries()
    steady = [StepLog(entry, stride) for entry in entries]
    odd = [StepLog(entry, 1) for entry in special_ring.entries()[0]]
    special = [log for log in odd if log["phase"] == NORMAL]
    slow = _count_slow(steady)
    late, steady = steady[:slow], steady[slow:]
    wall = sum(log["wall"] for log in steady)
    count = sum(log.steps for log in steady)
    shares = _shares(steady, wall)
    facts = {key: value for fact in lane.facts() for key, value in fact.items()}
    return StepSummary(
        pid=lane.pid,
        rank=int(facts.get("rank", 0)),
        facts=facts,
        steps=count,
        step_seconds=median_of([log["wall"] / log.steps for log in steady]) if count else None,
        wall_seconds=wall / count if count else None,
        **shares,
        rows={name: _mean(steady, name) for name in ROWS} if count else {},
        samples_per_step=_known(_mean(steady, "samples")),
        fetches_per_step=_mean(steady, "fetches") if count else 0.0,
        ready_share=_ratio(_mean(steady, "ready"), _mean(steady, "fetches")),
        core_wait_share=_ratio(_mean(steady, "core_wait"), wall / count if count else 0.0),
        process_cpu_seconds=_known(
            # What a validation used is not in the wall time of its step.
            _mean([log for log in steady if not log["validation"]], "process_cpu")
        ),
        drained_share=_mean(steady, "drained") if count else 0.0,
        on_stream=bool(steady and steady[-1]["on_stream"]),
        alone=_replayed(odd, REPLAY_ALONE),
        beside=_replayed(odd, REPLAY_BESIDE),
        more=_replayed(odd, MORE_WORKERS, workers=int(facts.get("tried_workers", 0))),
        warm=_replayed(odd, WARM_CACHE, workers=_workers(facts)),
        start=_start(special, late, steady),
        timeline=_timeline(special, late, steady, begun),
    )


def _count_slow(steady: Sequence[StepLog]) -> int:
    if not steady:
        return 0
    median = statistics.median(log["wall"] for log in steady)
    limit = max(_SLOW * median, median + _SLOW_SECONDS)
    slow = 0
    while slow < len(steady) // 2 and steady[slow]["wall"] > limit:
        slow += 1
    return slow


def _workers(facts: dict[str, Any]) -> int:
    return int(facts["loader"]["workers"]) if "loader" in facts else 0


def _replayed(odd: Sequence[StepLog], phase: int, *, workers: int = 0) -> Estimate | None:
    walls = [log["wall"] for log in odd if log["phase"] == phase and not log["epochs"]]
    # At first the workers still fill their queues, or start to work again.
    settled = walls[max(len(walls) // 3, workers) :]
    if len(settled) < _LEAST_REPLAYED:
        return None
    middle, mean = median_of(settled), statistics.fmean(settled)
    if abs(middle.median - mean) <= SKEWED * mean or not workers:
        return middle
    # Several workers that are late together make steps come in bursts, which no median shows.
    low, high = ratio_interval(settled, [1.0] * len(settled))
    return Estimate(median=mean, low=min(low, mean), high=max(high, mean))


def _shares(steady: Sequence[StepLog], wall: float) -> dict[str, float | None]:
    names = ("exposed_share", "exposed_share_low", "exposed_share_high", "hidden_share")
    if not wall:
        return dict.fromkeys(names)
    exposed = [log["exposed_data_wait"] for log in steady]
    low, high = ratio_interval(exposed, [log["wall"] for log in steady])
    share = sum(exposed) / wall
    hidden = min(1.0, sum(log["hidden"] for log in steady) / wall)
    return dict(zip(names, (share, min(low, share), max(high, share), hidden), strict=True))


def _mean(logs: Sequence[StepLog], name: str) -> float:
    count = sum(log.steps for log in logs)
    return sum(log[name] for log in logs) / count if count else math.nan


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _ratio(part: float, whole: float) -> float | None:
    return _known(part / whole) if whole else None


def _start(
    special: Sequence[StepLog], late: Sequence[StepLog], steady: Sequence[StepLog]
) -> StartFigures:
    everything = [*special, *late, *steady]
    epochs = round(sum(log["epochs"] for log in everything))
    warm = [*(log for log in special if log["is_warmup"]), *late]
    return StartFigures(
        epochs=epochs,
        worker_start_seconds=sum(log["worker_start"] for log in everything) / epochs
        if epochs
        else None,
        first_batch_seconds=sum(log["first_batch"] for log in everything) / epochs
        if epochs
        else None,
        warmup_steps=sum(log.steps for log in warm),
        warmup_seconds=sum(log["wall"] for log in warm),
        validation_passes=round(sum(log["validation_passes"] for log in everything)),
        validation_seconds=sum(log["validation"] for log in everything),
    )


def _timeline(
    special: Sequence[StepLog], late: Sequence[StepLog], steady: Sequence[StepLog], begun: float
) -> Timeline:
    kinds: list[tuple[StepLog, StepKind]] = [(log, "steady") for log in steady]
    kinds += [(log, "warm-up") for log in late]
    kinds += [(log, "warm-up" if log["is_warmup"] else "epoch start") for log in special]
    kinds.sort(key=lambda pair: pair[0]["start"])
    every = max(1, math.ceil(len(kinds) / _MOST_SHOWN))
    shown = kinds[::every]
    return Timeline(
        stride=every * max((log.steps for log in steady), default=1),
        start_seconds=tuple(max(0.0, log["start"] - begun) for log, _ in shown),
        kinds=tuple(kind for _, kind in shown),
        rows={name: tuple(log[name] / log.steps for log, _ in shown) for name in ROWS},
        hidden_wait=tuple(log["hidden"] / log.steps for log, _ in shown),
    )


NO_STEPS = StepSummary(
    pid=0,
    rank=0,
    facts={},
    steps=0,
    step_seconds=None,
    wall_seconds=None,
    exposed_share=None,
    exposed_share_low=None,
    exposed_share_high=None,
    hidden_share=None,
    rows={},
    samples_per_step=None,
    fetches_per_step=0.0,
    ready_share=None,
    core_wait_share=None,
    process_cpu_seconds=None,
    drained_share=0.0,
    on_stream=False,
    alone=None,
    beside=None,
    more=None,
    warm=None,
    start=_start((), (), ()),
    timeline=_timeline((), (), (), 0.0),
)
"""Of a run in which no thread trained."""

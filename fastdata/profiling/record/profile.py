"""A run, measured: the record that holds all others.

Units are those of `fastdata.profiling.record`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fastdata.profiling.record.conclusions import Verdict, WhatIf
from fastdata.profiling.record.facts import LoaderFacts, MachineFacts
from fastdata.profiling.record.steps import (
    RankFigures,
    StartFigures,
    SyncSite,
    Timeline,
    check_rows,
)
from fastdata.profiling.record.strict import Estimate, Strict
from fastdata.profiling.record.workers import Workers

__all__ = ["SCHEMA_VERSION", "Profile"]

SCHEMA_VERSION = 3


@dataclass(frozen=True, kw_only=True)
class Profile(Strict):
    """A run, measured.

    Attributes:
        schema_version: `SCHEMA_VERSION` of the fastdata that wrote it.
        command: Words of the profiled command; empty for a `fastdata.Profiler`.
        started_at: When, in UTC, as ISO 8601.
        clock: What told exposed from hidden wait: events on the GPU's stream, or the CPU's clock,
            by which all wait is exposed.
        steps: Steady steps measured; a step ends when the optimizer's does.
        step_seconds: Wall time of one.
        wall_seconds: Mean wall time of one, which the rows add up to.
        exposed_share: Share of the wall time in which the device waited for data.
        exposed_share_low: 95 % confidence interval of it, over blocks of steps.
        exposed_share_high: The same.
        hidden_share: Share of the wall time in which the loader was late but the device busy.
        rows: Mean seconds a step by the names of `ROWS`; they add up to `wall_seconds`.
        samples_per_step: Mean; None where batches do not tell.
        start: What belongs to no steady step.
        loader: The training loader; None when none was seen.
        workers: What was seen inside it.
        syncs: Lines that make the CPU wait for the GPU, at most 100, the longest waits first; None
            where they were not counted, since no GPU was used or the process could not tell.
        what_if: Predictions.
        verdict: The conclusion.
        machine: Where it ran.
        ranks: Empty for one process.
        timeline: For pictures.
        notes: What was not seen, or makes the figures doubtful; one line each.
    """

    schema_version: int = SCHEMA_VERSION
    command: tuple[str, ...]
    started_at: str
    clock: Literal["cpu", "cuda"]
    steps: int
    step_seconds: Estimate | None
    wall_seconds: float | None
    exposed_share: float | None
    exposed_share_low: float | None
    exposed_share_high: float | None
    hidden_share: float | None
    rows: Mapping[str, float]
    samples_per_step: float | None
    start: StartFigures
    loader: LoaderFacts | None
    workers: Workers
    syncs: tuple[SyncSite, ...] | None = None
    what_if: tuple[WhatIf, ...] = ()
    verdict: Verdict
    machine: MachineFacts
    ranks: tuple[RankFigures, ...] = ()
    timeline: Timeline
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("exposed_share", "exposed_share_low", "exposed_share_high", "hidden_share"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}; expected 0..1")
        if not self.steps:
            return
        check_rows(self.rows)
        if self.wall_seconds is None or self.step_seconds is None:
            raise ValueError(f"{self.steps} steps without their times")
        total = math.fsum(self.rows.values())
        if not math.isclose(total, self.wall_seconds, rel_tol=1e-6, abs_tol=1e-9):
            raise ValueError(f"rows add up to {total} s, the step to {self.wall_seconds} s")

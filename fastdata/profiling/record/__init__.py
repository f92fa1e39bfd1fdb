"""What a profile says: one frozen record, which everything else reads or renders.

Unless it says otherwise, times are seconds, shares lie in [0, 1], and None means "not known" (never
0). ``start_seconds`` counts from the beginning of the profile, on a clock that only goes forward.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fastdata.profiling.record.workrecord import SHARED_STAGES as SHARED_STAGES
from fastdata.profiling.record.workrecord import STAGES as STAGES
from fastdata.profiling.record.workrecord import Estimate as Estimate
from fastdata.profiling.record.workrecord import Reading as Reading
from fastdata.profiling.record.workrecord import Segment as Segment
from fastdata.profiling.record.workrecord import SlowSample as SlowSample
from fastdata.profiling.record.workrecord import Stage as Stage
from fastdata.profiling.record.workrecord import Strict
from fastdata.profiling.record.workrecord import WorkerLane as WorkerLane
from fastdata.profiling.record.workrecord import Workers as Workers

__all__ = [
    "ROWS",
    "SCHEMA_VERSION",
    "SHARED_STAGES",
    "STAGES",
    "Estimate",
    "LoaderFacts",
    "MachineFacts",
    "Profile",
    "RankFigures",
    "Reading",
    "Segment",
    "SlowSample",
    "Stage",
    "StartFigures",
    "StepKind",
    "SyncSite",
    "Timeline",
    "Verdict",
    "VerdictKind",
    "WhatIf",
    "WorkerLane",
    "Workers",
]

SCHEMA_VERSION = 2

ROWS = (
    "exposed_data_wait",
    "h2d",
    "forward",
    "backward",
    "optimizer",
    "other_host_work",
    "residual",
)
"""Names of the rows that a step's wall time is split into, in the order of a step.

``other_host_work`` is CPU time that the training thread spent outside the rows above it, and
``residual`` what is then left of the wall time: the thread slept, was blocked, or had no core.
"""

VerdictKind = Literal[
    "data-bound",
    "worth a look",
    "compute-bound",
    "launch-bound",
    "contention",
    "loader alone",
    "INCOMPLETE",
]

StepKind = Literal["steady", "warm-up", "epoch start"]


@dataclass(frozen=True, kw_only=True)
class StartFigures(Strict):
    """What happens once a run or once an epoch, and belongs to no steady step.

    Attributes:
        epochs: Times that the training loader was begun on.
        worker_start_seconds: Mean time of its ``iter()``, which starts workers.
        first_batch_seconds: Mean wait for the first batch after that.
        warmup_steps: Steps left out at the beginning.
        warmup_seconds: What they took together.
        validation_passes: Times that another loader was gone through without gradients.
        validation_seconds: What these took together.
    """

    epochs: int
    worker_start_seconds: float | None
    first_batch_seconds: float | None
    warmup_steps: int
    warmup_seconds: float
    validation_passes: int
    validation_seconds: float


@dataclass(frozen=True, kw_only=True)
class LoaderFacts(Strict):
    """The training loader, as it describes itself.

    Attributes:
        kind: Its class, such as "DataLoader" or "FastLoader".
        engine: A FastLoader's engine, such as "cpu"; None for others.
        dataset: The dataset's class, or the pack's path.
        samples: Length of the dataset.
        batch_size: Samples a batch.
        workers: Worker processes, or threads of a FastLoader's engine; 0 loads on the caller's.
        prefetch_batches: Batches made ahead by each worker, or by the engine.
        pin_memory: Whether batches are pinned.
        persistent_workers: Whether workers outlive an epoch.
        gathers: Whether a FastLoader's batches are only gathered, for which it takes no threads.
        device: Where a FastLoader was asked to leave its batches; None for others, and where it
            leaves them in main memory.
    """

    kind: str
    engine: str | None
    dataset: str
    samples: int | None
    batch_size: int | None
    workers: int
    prefetch_batches: int | None
    pin_memory: bool
    persistent_workers: bool
    gathers: bool = False
    device: str | None = None


@dataclass(frozen=True, kw_only=True)
class SyncSite(Strict):
    """A line of the script that makes the CPU wait for the GPU.

    Attributes:
        file: Its path; empty where no line of the script's own was found.
        line: Counted from 1.
        call: Such as "Tensor.item", or "Tensor.to from pageable memory".
        count: How often, in the whole run.
        seconds: What these took together. What follows them is held up besides.
    """

    file: str
    line: int
    call: str
    count: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class WhatIf(Strict):
    """How long a step would take if one thing were different.

    Attributes:
        name: Such as "with the whole batch already there".
        kind: "measured" was tried in this run; "modelled" was computed from its figures.
        step_seconds: Predicted.
        now_seconds: What that is to be compared with: the median step, or the mean one where steps
            come in bursts, which no median shows.
        how: One line: what was tried, or what the model assumes and why it could not be tried.
    """

    name: str
    kind: Literal["measured", "modelled"]
    step_seconds: Estimate
    now_seconds: float
    how: str


@dataclass(frozen=True, kw_only=True)
class Verdict(Strict):
    """Where the time goes, and what to do about it.

    Attributes:
        kind: "loader alone" where nothing was trained, and so nothing is bound by data;
            "INCOMPLETE" when what would be needed for another one is missing.
        sentence: One sentence.
        next_command: What to type or change next; None when there is nothing to gain.
        evidence: The figures behind it, one a line.
        missing: What was not seen, for "INCOMPLETE".
    """

    kind: VerdictKind
    sentence: str
    next_command: str | None
    evidence: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MachineFacts(Strict):
    """Where the profile was made; two of them are comparable only on machines alike.

    Attributes:
        host: Its name.
        platform: Such as "Linux-6.1-x86_64".
        cores: This process could use.
        memory_bytes: It could use.
        device: Where the training computed, such as "cpu" or "cuda:0".
        device_name: The GPU's name; None on a CPU.
        python: Version.
        torch: Version.
        fastdata: Version.
    """

    host: str
    platform: str
    cores: int
    memory_bytes: int
    device: str | None
    device_name: str | None
    python: str
    torch: str | None
    fastdata: str


@dataclass(frozen=True, kw_only=True)
class RankFigures(Strict):
    """One process of a run on several.

    Attributes:
        rank: From 0.
        pid: Of the process.
        steps: Steady steps.
        step_seconds: Wall time of these.
        exposed_share: Of these.
        own_seconds: Mean of a step without what also waits for other ranks (backward, optimizer);
            a slow rank shows by it.
    """

    rank: int
    pid: int
    steps: int
    step_seconds: Estimate
    exposed_share: float | None
    own_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Timeline(Strict):
    """An even choice of the run's steps; every column has one entry a step.

    Attributes:
        stride: Every so many steps one is kept.
        start_seconds: When each began.
        kinds: Of each.
        rows: Seconds by the names of `ROWS`.
        hidden_wait: Wait for data that the device's earlier work covered.
    """

    stride: int
    start_seconds: tuple[float, ...]
    kinds: tuple[StepKind, ...]
    rows: Mapping[str, tuple[float, ...]]
    hidden_wait: tuple[float, ...]

    def __post_init__(self) -> None:
        lengths = {len(column) for column in self.rows.values()}
        lengths |= {len(self.start_seconds), len(self.kinds), len(self.hidden_wait)}
        if len(lengths) > 1:
            raise ValueError(f"columns of {sorted(lengths)} steps; expected one length")
        _check_rows(self.rows)


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
        _check_rows(self.rows)
        if self.wall_seconds is None or self.step_seconds is None:
            raise ValueError(f"{self.steps} steps without their times")
        total = math.fsum(self.rows.values())
        if not math.isclose(total, self.wall_seconds, rel_tol=1e-6, abs_tol=1e-9):
            raise ValueError(f"rows add up to {total} s, the step to {self.wall_seconds} s")


def _check_rows(rows: Mapping[str, object]) -> None:
    if set(rows) != set(ROWS):
        raise ValueError(f"rows {sorted(rows)}; expected {sorted(ROWS)}")

"""What a profile says of those who make its batches: workers, their stages and samples.

Units are those of `fastdata.profiling.record`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastdata.profiling.record.strict import Estimate, Strict

__all__ = [
    "SHARED_STAGES",
    "STAGES",
    "Reading",
    "Segment",
    "SlowSample",
    "Stage",
    "Stretch",
    "WorkerLane",
    "Workers",
]

STAGES = (
    "read",
    "crc",
    "decode",
    "resize",
    "transform",
    "other",
    "collate",
    "copy",
    "hand_over",
)
"""Names of the stages of making a batch; ``other`` is what a dataset does besides."""

SHARED_STAGES = ("decode", "resize")
"""Those that the threads of FastLoader's engine share; one thread does the others."""


@dataclass(frozen=True, kw_only=True)
class Stage(Strict):
    """One stage of making batches, or one operation of it.

    Attributes:
        name: One of `STAGES`.
        operation: A part of the stage, such as "RandomResizedCrop" of "transform", whose time is
            contained in the stage's own entry; empty for the whole stage.
        count: How often it ran; see `Workers.split_batches`.
        total_seconds: In all workers together. What threads share counts for as long as it holds
            its batch up: their own seconds, added up, divided by `threads`.
        seconds_per_sample: Mean; None where samples were not counted.
        seconds_per_batch: Mean.
        share: Of the busy time of all workers (or of this one).
        threads: That share it within one worker.
        samples_per_second: The ceiling: what all workers (or this one) would give if this were all
            that they did; None where samples were not counted.
    """

    name: str
    operation: str
    count: int
    total_seconds: float
    seconds_per_sample: float | None
    seconds_per_batch: float
    share: float
    threads: int = 1
    samples_per_second: float | None = None


@dataclass(frozen=True, kw_only=True)
class Segment(Strict):
    """One stage of one batch in a worker.

    Stages that take turns, sample after sample, are drawn one after the other: each is as long as
    its turns together.

    Attributes:
        start_seconds: See the module.
        seconds: How long.
        stage: One of `STAGES`.
    """

    start_seconds: float
    seconds: float
    stage: str


@dataclass(frozen=True, kw_only=True)
class Stretch(Strict):
    """Some time of a worker, such as that of ten batches; another one follows without a gap.

    Attributes:
        start_seconds: See the module.
        seconds: How long.
        shares: Of these, 0..1, by `STAGES`; what they leave of 1 is waiting.
    """

    start_seconds: float
    seconds: float
    shares: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Reading(Strict):
    """Where what was read came from: the page cache, or storage.

    Attributes:
        asked_bytes: That reads were given, and that were used of mapped packs.
        storage_bytes: That came from storage meanwhile, with what the system read ahead; None where
            /proc/<pid>/io cannot be read.
        storage_share: Of what was asked for, not counting what was read ahead; None as above, or
            where nothing was read.
        bytes_per_second: Asked for or fetched from storage, whichever is more, while batches were
            made: files that a dataset maps by itself are asked for by no call.
        page_faults: Accesses to mapped files that waited for storage.
        cached_share: Of the pages that were looked at just before they were read, those that lay in
            the page cache; None where none was looked at.
    """

    asked_bytes: int
    storage_bytes: int | None
    storage_share: float | None
    bytes_per_second: float | None
    page_faults: int
    cached_share: float | None


@dataclass(frozen=True, kw_only=True)
class WorkerLane(Strict):
    """One worker process, or one thread that makes batches.

    Attributes:
        name: Such as "worker 0".
        kind: What it is; "main" is the training process itself, which loads between steps.
        pid: Its process.
        batches: Made by it.
        samples: In these; None where they were not counted.
        wall_seconds: From its first batch's beginning to its last one's end.
        busy_seconds: Of these, making batches.
        stages: Whole stages first, operations after them.
        segments: A bounded, even choice of its batches; where there are more than 512, each stands
            for some that followed one another, and is their mean.
        stretches: The whole time of its batches, in a bounded number of parts.
        reading: None where it was not seen to read.
    """

    name: str
    kind: Literal["process", "thread", "main"]
    pid: int
    batches: int
    samples: int | None
    wall_seconds: float
    busy_seconds: float
    stages: tuple[Stage, ...]
    segments: tuple[Segment, ...]
    stretches: tuple[Stretch, ...] = ()
    reading: Reading | None = None


@dataclass(frozen=True, kw_only=True)
class SlowSample(Strict):
    """One of the slowest 1 % of samples.

    Attributes:
        index: As the dataset was asked for it; None where it has none.
        name: The file it was read from, or its key; empty when nothing told.
        seconds: What it took to make.
        worker: `WorkerLane.name`.
    """

    index: int | None
    name: str
    seconds: float
    worker: str


@dataclass(frozen=True, kw_only=True)
class Workers(Strict):
    """What was seen inside the workers of the training loader.

    Attributes:
        lanes: One for each; empty when nothing was seen, and `Profile.notes` says why.
        stages: Over all lanes, whole stages first, operations after them.
        split_batches: That were split into stages; the others are taken to be made up alike, with
            counts and seconds. Of a DataLoader, the first two dozen and one in 32.
        ready_share: Share of fetches at which a batch lay ready; None where that is not known.
        sample_seconds: Of single samples.
        slowest: At most 100, slowest first. Of FastLoader's engine, by decoding and resizing.
        reading: Of all lanes; None where none was seen to read.
        cpu_seconds_per_batch: Of all threads of a worker, mean; None where batches are made on
            threads beside others.
        core_wait_seconds_per_batch: In which a worker had no core, mean; None likewise.
    """

    lanes: tuple[WorkerLane, ...] = ()
    stages: tuple[Stage, ...] = ()
    split_batches: int = 0
    ready_share: float | None = None
    sample_seconds: Estimate | None = None
    slowest: tuple[SlowSample, ...] = ()
    reading: Reading | None = None
    cpu_seconds_per_batch: float | None = None
    core_wait_seconds_per_batch: float | None = None

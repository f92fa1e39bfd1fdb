"""What a profile says of the steps of a training, on one process or on several.

Units are those of `fastdata.profiling.record`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fastdata.profiling.record.strict import Estimate, Strict

__all__ = [
    "ROWS",
    "RankFigures",
    "StartFigures",
    "StepKind",
    "SyncSite",
    "Timeline",
    "check_rows",
]

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
        check_rows(self.rows)


def check_rows(rows: Mapping[str, object]) -> None:
    """Makes sure that these are the rows of a step.

    Raises:
        ValueError: One is missing, or there is one more.
    """
    if set(rows) != set(ROWS):
        raise ValueError(f"rows {sorted(rows)}; expected {sorted(ROWS)}")

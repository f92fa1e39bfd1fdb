"""The figures of one step, from the turns that a training thread took in it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastdata.profiling.marks import StreamMarks, split_wait

__all__ = [
    "BACKWARD",
    "COPY",
    "FIRST_BATCH",
    "FORWARD",
    "OPTIMIZER",
    "UNNAMED",
    "VALIDATION",
    "WAIT",
    "WORKER_START",
    "StepFigures",
    "Turn",
    "resolve",
]

WAIT = "exposed_data_wait"
COPY = "h2d"
FORWARD = "forward"
BACKWARD = "backward"
OPTIMIZER = "optimizer"
UNNAMED = "unnamed"
WORKER_START = "worker_start"
FIRST_BATCH = "first_batch"
VALIDATION = "validation"

_FETCHES = (WAIT, FIRST_BATCH, WORKER_START)


class Turn(NamedTuple):
    """A point where the training thread turns to something else.

    Attributes:
        row: What it does from here on.
        at: On the wall clock.
        cpu: CPU time of the thread so far.
        mark: The same point on the GPU's stream; None on a CPU.
    """

    row: str
    at: float
    cpu: float
    mark: Any = None


@dataclass(frozen=True, kw_only=True)
class StepFigures:
    """One step; times in seconds.

    Attributes:
        start: On the wall clock.
        wall: All but validation. The rows add up to it.
        rows: By the names of `fastdata.profiling.record.ROWS`.
        hidden: Wait for data that the GPU's earlier work covered.
        first_batch: Of `rows`, wait for the first batch of an epoch.
        worker_start: Of `rows`, start of an epoch.
        epochs: Begun in this step.
        validation: Time that passes over other loaders took; not in `wall`.
        validation_passes: How many these were.
        on_stream: Whether the GPU's clock told the time.
    """

    start: float
    wall: float
    rows: dict[str, float]
    hidden: float
    first_batch: float
    worker_start: float
    epochs: int
    validation: float
    validation_passes: int
    on_stream: bool


def resolve(turns: Sequence[Turn], marks: StreamMarks | None) -> StepFigures:
    """Splits the time from the first turn to the last.

    Args:
        turns: In order; at least two.
        marks: Reads marks that were all reached; None for the wall clock.
    """
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    cpu = hidden = 0.0
    for turn, after in itertools.pairwise(turns):
        waited = after.at - turn.at
        seconds = waited if marks is None else marks.seconds(turn.mark, after.mark)
        if turn.row in _FETCHES and marks is not None:
            hidden += split_wait(waited, seconds)[1]
        if turn.row == UNNAMED:
            cpu += after.cpu - turn.cpu
        sums[turn.row] = sums.get(turn.row, 0.0) + seconds
        counts[turn.row] = counts.get(turn.row, 0) + 1
    unnamed = sums.get(UNNAMED, 0.0)
    # The thread's CPU clock may tick more coarsely than the wall clock.
    other = min(unnamed, max(cpu, 0.0))
    rows = {name: sums.get(name, 0.0) for name in (WAIT, COPY, FORWARD, BACKWARD, OPTIMIZER)}
    rows[WAIT] += sums.get(FIRST_BATCH, 0.0) + sums.get(WORKER_START, 0.0)
    rows |= {"other_host_work": other, "residual": unnamed - other}
    return StepFigures(
        start=turns[0].at,
        wall=sum(rows.values()),
        rows=rows,
        hidden=hidden,
        first_batch=sums.get(FIRST_BATCH, 0.0),
        worker_start=sums.get(WORKER_START, 0.0),
        epochs=counts.get(FIRST_BATCH, 0),
        validation=sums.get(VALIDATION, 0.0),
        validation_passes=counts.get(VALIDATION, 0),
        on_stream=marks is not None,
    )

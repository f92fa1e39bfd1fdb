"""The figures of one step, from the turns that a training thread took in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fastdata.profiling.clocks.marks import StreamMarks, split_wait

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

_FETCHES = frozenset((WAIT, FIRST_BATCH, WORKER_START))
_ROWS = (*_FETCHES, COPY, FORWARD, BACKWARD, OPTIMIZER, UNNAMED, VALIDATION)


Turn = tuple[str, float, float, Any]
"""A point where the training thread turns to something else: the row of what it does from here on,
the wall clock, CPU time of the thread so far, and the same point on the GPU's stream, None on a
CPU. Several are made in each step; a class of its own would take five times as long."""


class StepFigures(NamedTuple):
    """One step; times in seconds.

    Attributes:
        start: On the wall clock.
        wall: All but validation. The rows add up to it.
        rows: By the names of `fastdata.profiling.record.ROWS`, in their order.
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
    sums = dict.fromkeys(_ROWS, 0.0)
    cpu = hidden = 0.0
    epochs = validations = 0
    if marks is None:
        shown = [turn[1] for turn in turns]
    else:
        shown = marks.times([turn[3] for turn in turns])
    before, since = turns[0], shown[0]
    for turn, now in zip(turns[1:], shown[1:], strict=True):
        row, seconds = before[0], now - since
        sums[row] += seconds
        if row == UNNAMED:
            cpu += turn[2] - before[2]
        elif row in _FETCHES:
            epochs += row == FIRST_BATCH
            if marks is not None:
                hidden += split_wait(turn[1] - before[1], seconds)[1]
        elif row == VALIDATION:
            validations += 1
        before, since = turn, now
    # The thread's CPU clock may tick more coarsely than the wall clock.
    other = min(sums[UNNAMED], max(cpu, 0.0))
    rows = {
        WAIT: sums[WAIT] + sums[FIRST_BATCH] + sums[WORKER_START],
        COPY: sums[COPY],
        FORWARD: sums[FORWARD],
        BACKWARD: sums[BACKWARD],
        OPTIMIZER: sums[OPTIMIZER],
        "other_host_work": other,
        "residual": sums[UNNAMED] - other,
    }
    return StepFigures(
        start=turns[0][1],
        wall=sum(rows.values()),
        rows=rows,
        hidden=hidden,
        first_batch=sums[FIRST_BATCH],
        worker_start=sums[WORKER_START],
        epochs=epochs,
        validation=sums[VALIDATION],
        validation_passes=validations,
        on_stream=marks is not None,
    )

"""The lane of a training thread: its steps, and what is known of its loader."""

from __future__ import annotations

import math
from typing import Any

from fastdata.profiling.clocks.passes import StepNotes
from fastdata.profiling.clocks.plan import NORMAL, Plan
from fastdata.profiling.clocks.step import StepFigures
from fastdata.profiling.lanes.channel import RINGS_AT, Channel, Lane
from fastdata.profiling.lanes.rings import Ring
from fastdata.profiling.record import ROWS

__all__ = ["STEPS", "StepLane", "StepLog", "step_rings"]

STEPS = 1
"""Kind of a lane of steps."""

FIELDS = (
    "start", "wall", *ROWS, "hidden", "first_batch", "worker_start", "epochs", "validation",
    "validation_passes", "fetches", "ready", "samples", "on_stream", "is_warmup", "core_wait",
    "process_cpu", "drained", "phase",
)  # fmt: skip
_STEADY = 4096
_SPECIAL = 1024


class StepLog:
    """One entry of a ring of steps, by the names of `FIELDS`."""

    def __init__(self, values: tuple[float, ...], steps: int) -> None:
        self._values = dict(zip(FIELDS, values, strict=True))
        self.steps = steps

    def __getitem__(self, name: str) -> float:
        """Its value, summed over the steps of the entry; NaN where it is not known."""
        return self._values[name]


def step_rings(lane: Lane) -> tuple[Ring, Ring]:
    """Steady steps, and those that began an epoch or came first."""
    steady = Ring(lane, RINGS_AT, width=len(FIELDS), capacity=_STEADY, adds=True)
    after = RINGS_AT + steady.byte_count
    return steady, Ring(lane, after, width=len(FIELDS), capacity=_SPECIAL, adds=False)


class StepLane:
    """Writes the steps of one thread.

    Args:
        channel: Where a lane is claimed with the first step.
        plan: Which steps are written.
    """

    def __init__(self, channel: Channel, plan: Plan) -> None:
        self._channel = channel
        self._warmup = plan.warmup
        self._counts_starts = plan.loader_only
        self._most = math.inf if plan.measured is None else plan.measured
        self._lane: Lane | None = None
        self._rings: tuple[Ring, Ring] | None = None
        self._steps = self._steady = 0

    def tell(self, **fact: Any) -> None:
        """Adds a fact to the lane, once there are steps."""
        if self._lane is not None:
            self._lane.tell(**fact)

    @property
    def is_open(self) -> bool:
        """Whether a step was written."""
        return self._lane is not None

    def write(self, step: StepFigures, notes: StepNotes) -> None:
        """Writes one step."""
        if self._rings is None:
            self._lane = self._channel.claim(STEPS)
            if self._lane is None:
                self._most = 0
                return
            self._rings = step_rings(self._lane)
        if self._steady >= self._most and not notes.phase:
            return
        is_warmup = self._steps < self._warmup
        is_start = step.epochs > 0 and not self._counts_starts
        is_special = is_warmup or is_start or notes.phase != NORMAL
        self._rings[is_special].add(_entry(step, notes, is_warmup=is_warmup))
        self._steps += 1
        self._steady += not is_special


def _entry(step: StepFigures, notes: StepNotes, *, is_warmup: bool) -> tuple[float, ...]:
    # Both have the order of `FIELDS`.
    start, wall, rows, *others, on_stream = step
    return (
        start,
        wall,
        *rows.values(),
        *others,
        notes.fetches,
        math.nan if notes.ready is None else notes.ready,
        math.nan if notes.samples is None else notes.samples,
        on_stream,
        is_warmup,
        math.nan if notes.core_wait is None else notes.core_wait,
        notes.process_cpu,
        notes.is_drained,
        notes.phase,
    )

"""The four gates that prove the profiler's figures; each gives checks as it makes them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import nn

from fastdata.profiling.estimates import median_of
from fastdata.profiling.profiler import Profiler
from fastdata.profiling.record import Estimate
from fastdata.profiling.selfcheck.known import median_rows, train_known
from fastdata.profiling.selfcheck.sleepers import Delays

__all__ = ["GATES", "RATIOS", "Check", "Gate", "closed_form", "metamorphic", "null", "observer"]

RATIOS = (0.25, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Of what the loader takes for a batch to what a step computes."""

# Long enough that what a busy machine adds to each wake-up, up to 1 ms, stays below 1 %.
_STEP_SECONDS = 0.12
_INJECTED_SECONDS = 0.02
_BUSY_ROWS = ("h2d", "forward", "backward", "optimizer", "read", "decode", "transform", "collate")
_ROW_OF = {"copy": "h2d"}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One figure of the profiler beside what it must be.

    Attributes:
        gate: Such as "closed form".
        case: What was run.
        expected: In `unit`.
        measured: Likewise.
        tolerance: The largest error allowed.
        unit: "ms a step" or "of the step".
    """

    gate: str
    case: str
    expected: float
    measured: float
    tolerance: float
    unit: str

    @property
    def error(self) -> float:
        """Signed."""
        return self.measured - self.expected

    @property
    def ok(self) -> bool:
        """Whether the error is within the tolerance."""
        return abs(self.error) <= self.tolerance


Gate = Callable[[], Iterator[Check]]


def closed_form(
    *, ratios: Sequence[float] = RATIOS, workers: int = 2, steps: int = 30
) -> Iterator[Check]:
    """Exposed wait of W workers that take L a batch, beside steps of G: max(0, L / W - G).

    Args:
        ratios: Of L / W to G.
        workers: W.
        steps: Measured for each ratio.
    """
    for ratio in ratios:
        compute = _STEP_SECONDS / max(1.0, ratio)
        delays = Delays(decode=ratio * compute * workers, forward=compute)
        known = train_known(delays, workers=workers, steps=steps)
        expected = max(0.0, known.making_seconds / workers - known.step_seconds)
        wall = known.profile.wall_seconds or 0.0
        yield Check(
            gate="closed form",
            case=f"L/W : G = {ratio:g}",
            expected=expected * 1e3,
            measured=known.profile.rows["exposed_data_wait"] * 1e3,
            tolerance=max(0.02 * wall, 0.0005) * 1e3,
            unit="ms a step",
        )


def metamorphic(*, steps: int = 40) -> Iterator[Check]:
    """A delay put into one part moves the row of that part, and no other busy one.

    Args:
        steps: Measured for each part.
    """
    base = Delays(forward=0.01)
    before = median_rows(train_known(base, workers=1, steps=steps).profile)
    tolerance = max(0.0005, 0.05 * _INJECTED_SECONDS)
    for part in vars(base):
        delay = getattr(base, part) + _INJECTED_SECONDS
        changed = Delays(**(vars(base) | {part: delay}))
        after = median_rows(train_known(changed, workers=1, steps=steps).profile)
        for row in _BUSY_ROWS:
            moves = row == _ROW_OF.get(part, part)
            yield Check(
                gate="metamorphic",
                case=f"{_INJECTED_SECONDS * 1e3:.0f} ms in {part}: {row}",
                expected=_INJECTED_SECONDS * 1e3 if moves else 0.0,
                measured=(after.get(row, 0.0) - before.get(row, 0.0)) * 1e3,
                tolerance=tolerance * 1e3,
                unit="ms a step",
            )


def null(*, steps: int = 30) -> Iterator[Check]:
    """A run that only computes waits for nothing, and one that only loads for everything.

    Args:
        steps: Measured for each.
    """
    for case, delays, expected, tolerance in (
        ("compute only", Delays(forward=_STEP_SECONDS), 0.0, 0.01),
        ("loader only", Delays(decode=_STEP_SECONDS), 1.0, 0.05),
    ):
        profile = train_known(delays, workers=1, steps=steps).profile
        yield Check(
            gate="null",
            case=case,
            expected=expected,
            measured=profile.exposed_share or 0.0,
            tolerance=tolerance,
            unit="of the step",
        )


def observer(*, pairs: int = 12, steps: int = 20) -> Iterator[Check]:
    """What the profiler itself costs a step, in CPU time of the training thread.

    Blocks of steps with and without it alternate as ABBA. CPU time is what a hook can cost a step,
    and is not disturbed by other programs.

    Args:
        pairs: Of blocks with and without.
        steps: Of a block.
    """
    run = _Workload()
    run(steps)
    costs: list[float] = []
    walls: list[float] = []
    for pair in range(pairs):
        order = (False, True) if pair % 2 == 0 else (True, False)
        cpu: dict[bool, float] = {}
        for is_on in order:
            with Profiler(warmup=0) if is_on else nullcontext():
                run(1)  # the first step claims a lane
                cpu[is_on], wall = run(steps)
            walls += [] if is_on else [wall]
        costs.append(cpu[True] - cpu[False])
    cost, wall = median_of(costs), statistics.median(walls)
    yield _cost(cost, "ms a step", limit=0.0003, scale=1e3)
    yield _cost(cost, "of the step", limit=0.01, scale=1 / wall)


def _cost(cost: Estimate, unit: str, *, limit: float, scale: float) -> Check:
    tolerance = limit * scale if unit == "ms a step" else limit
    return Check(
        gate="observer",
        case=f"profiler on, {cost.low * scale:.4f} to {cost.high * scale:.4f}",
        expected=0.0,
        measured=cost.median * scale,
        tolerance=tolerance,
        unit=unit,
    )


class _Workload:
    """A model of 60 modules on a list of batches; a step takes 40 ms, mostly asleep."""

    def __init__(self) -> None:
        layers = [nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(20)]
        self._model = nn.Sequential(*layers)
        self._optimizer = torch.optim.SGD(self._model.parameters(), lr=0.01)
        self._values = torch.ones(4, 8)

    def __call__(self, steps: int) -> tuple[float, float]:
        """CPU and wall seconds a step."""
        cpu, wall = time.thread_time(), time.perf_counter()
        for _ in range(steps):
            loss = self._model(self._values.to("cpu")).sum()
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            time.sleep(0.04)
        return (time.thread_time() - cpu) / steps, (time.perf_counter() - wall) / steps


GATES: dict[str, Gate] = {
    "closed form": closed_form,
    "metamorphic": metamorphic,
    "null": null,
    "observer": observer,
}

"""The gates that prove the profiler's figures; each gives checks as it makes them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

from fastdata.profiling.selfcheck.check import Check
from fastdata.profiling.selfcheck.contention import contention
from fastdata.profiling.selfcheck.decoding import decoding
from fastdata.profiling.selfcheck.known import median_rows, train_known
from fastdata.profiling.selfcheck.ledger import ledger
from fastdata.profiling.selfcheck.observing import observer
from fastdata.profiling.selfcheck.on_gpu import gpu_closed_form
from fastdata.profiling.selfcheck.sleepers import Delays

__all__ = ["GATES", "GPU_GATES", "RATIOS", "Gate", "closed_form", "metamorphic", "null"]

RATIOS = (0.25, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Of what the loader takes for a batch to what a step computes."""

# Long enough that what a busy machine adds to each wake-up, up to 1 ms, stays below 1 %.
_STEP_SECONDS = 0.12
_INJECTED_SECONDS = 0.02
# Of a step. A machine on which more is lost to others proves nothing.
_MOST_LACKING = 0.04
_BUSY_ROWS = ("h2d", "forward", "backward", "optimizer", "read", "decode", "transform", "collate")
_ROW_OF = {"copy": "h2d"}


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

    A loop that wakes up to a batch and has no core is still fetching it. What it lacked one for, by
    the kernel's account, is no fault of the profiler's, up to a few percent.

    Args:
        steps: Measured for each.
    """
    for case, delays, expected, tolerance in (
        ("compute only", Delays(forward=_STEP_SECONDS), 0.0, 0.01),
        ("loader only", Delays(decode=_STEP_SECONDS), 1.0, 0.05),
    ):
        known = train_known(delays, workers=1, steps=steps)
        profile = known.profile
        lacking = known.core_wait_seconds / (profile.wall_seconds or _STEP_SECONDS)
        yield Check(
            gate="null",
            case=case,
            expected=expected,
            measured=profile.exposed_share or 0.0,
            tolerance=tolerance + min(lacking, _MOST_LACKING),
            unit="of the step",
        )


GATES: dict[str, Gate] = {
    "closed form": closed_form,
    "metamorphic": metamorphic,
    "null": null,
    "observer": observer,
    "observer of decoding": decoding,
    "ledger": ledger,
    "contention": contention,
}

GPU_GATES: dict[str, Gate] = {
    "on a GPU": gpu_closed_form,
    "observer on a GPU": functools.partial(observer, device="cuda"),
}
"""Those that need one."""

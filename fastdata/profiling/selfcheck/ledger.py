"""The gate on what-ifs: each is done for real, and the prediction stands beside what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastdata.profiling.record import Profile, WhatIf
from fastdata.profiling.selfcheck.check import Check
from fastdata.profiling.selfcheck.known import train_known
from fastdata.profiling.selfcheck.sleepers import Delays

__all__ = ["CHANGES", "Change", "ledger"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A training, and what is done to it.

    Attributes:
        predicted: Name of the what-if that speaks of it.
        before: Of the training that is profiled.
        after: Once it is done.
        workers: Before and after.
        replay: Steps of the first run to try it in; 0 leaves the prediction to the model.
    """

    predicted: str
    before: Delays
    after: Delays
    workers: tuple[int, int]
    replay: int = 0


_SLOW = Delays(decode=0.08, forward=0.02)
_READY = "with the whole batch already there"
# What is done for real still takes its batches from a worker's queue, in 0.4 to 0.7 ms on two
# cores, where a batch that is given again costs nothing.
_FETCH_SECONDS = 0.001

CHANGES = (
    Change(predicted="with 1 worker instead of 0", before=_SLOW, after=_SLOW, workers=(0, 1)),
    Change(predicted="with 2 workers instead of 1", before=_SLOW, after=_SLOW, workers=(1, 2)),
    Change(predicted=_READY, before=_SLOW, after=Delays(forward=0.02), workers=(1, 1)),
    Change(predicted=_READY, before=_SLOW, after=Delays(forward=0.02), workers=(1, 1), replay=20),
    Change(
        predicted="with a warm cache",
        before=Delays(read=0.06, decode=0.02, forward=0.01),
        after=Delays(decode=0.02, forward=0.01),
        workers=(1, 1),
    ),
)
"""Every kind of what-if that a profile states."""


def ledger(*, changes: tuple[Change, ...] = CHANGES, steps: int = 24) -> Iterator[Check]:
    """The signed error of each prediction; its tolerance is its interval's reach, or a fetch.

    Args:
        changes: What is done.
        steps: Measured before and after each.
    """
    for change in changes:
        workers, more = change.workers
        before = train_known(change.before, workers=workers, steps=steps, replay=change.replay)
        what_if = _find(before.profile, change)
        after = train_known(change.after, workers=more, steps=steps).profile
        yield _check(what_if, got=_usual(after))


def _find(profile: Profile, change: Change) -> WhatIf:
    kind = "measured" if change.replay else "modelled"
    return next(one for one in profile.what_if if one.name == change.predicted and one.kind == kind)


def _usual(profile: Profile) -> float:
    """What a step takes, as a prediction means it: it is made for the same figure."""
    return profile.what_if[0].now_seconds


def _check(what_if: WhatIf, *, got: float) -> Check:
    predicted = what_if.step_seconds
    error = predicted.median - got
    reach = predicted.median - predicted.low if error > 0 else predicted.high - predicted.median
    return Check(
        gate="ledger",
        case=f"{what_if.name}, {what_if.kind}: {error / got:+.1%} of the step",
        expected=got * 1e3,
        measured=predicted.median * 1e3,
        tolerance=max(reach, _FETCH_SECONDS) * 1e3,
        unit="ms a step",
    )

"""Whether a training has become slower: two profiles, judged by how sure their figures are.

Two figures of each profile decide: the median time of a step, and the share of a step that is
exposed wait. Of the first it is the relative change ``after / before - 1`` that counts, of the
second the difference ``after - before``, in shares of a step. With a threshold t and the 95 %
interval [low, high] of such a change,

- low > t is a regression, and high <= t is fine, however wide the interval is;
- otherwise t lies within the interval: when that is wider than t itself, the profiles are too noisy
  to tell; else the change itself decides.

One regression makes the whole a regression, and else one noisy figure makes it too noisy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fastdata.profiling.findings.comparable import differences, settings
from fastdata.profiling.findings.estimates import difference, relative_change
from fastdata.profiling.record import Estimate, Profile
from fastdata.wording import human_duration

__all__ = ["EXIT_CODES", "Change", "Comparison", "Outcome", "compare"]

Outcome = Literal["fine", "regression", "not comparable", "too noisy"]

EXIT_CODES: dict[Outcome, int] = {
    "fine": 0,
    "regression": 2,
    "not comparable": 3,
    "too noisy": 4,
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One figure in both profiles.

    Attributes:
        name: "step_seconds" or "exposed_share".
        before: In the first profile.
        after: In the second.
        change: Relative for "step_seconds", the difference for "exposed_share"; positive is worse.
        outcome: By the rule of this module.
    """

    name: Literal["step_seconds", "exposed_share"]
    before: Estimate
    after: Estimate
    change: Estimate
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two profiles of one training.

    Attributes:
        outcome: The conclusion; `EXIT_CODES` has its exit code.
        sentence: The same in words.
        max_regress: The threshold, 0.05 for 5 %.
        differences: Why they cannot be compared; empty when they can.
        settings: What else differs, and may be the reason for a change.
        changes: The figures; empty when they cannot be compared.
    """

    outcome: Outcome
    sentence: str
    max_regress: float
    differences: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


def compare(
    before: Profile, after: Profile, *, max_regress: float, across_hosts: bool = False
) -> Comparison:
    """Judges the second profile by the first.

    Args:
        before: The one to hold on to.
        after: The one in question.
        max_regress: The change that is still fine, above 0; 0.05 is 5 %.
        across_hosts: Whether hosts of different names count as one kind of machine.
    """
    reasons = tuple(differences(before, after, across_hosts=across_hosts))
    others = tuple(settings(before, after))
    if reasons:
        return Comparison(
            outcome="not comparable",
            sentence=f"The profiles are not comparable: {'; '.join(reasons)}.",
            max_regress=max_regress,
            differences=reasons,
            settings=others,
        )
    changes = tuple(_changes(before, after, max_regress))
    outcome = _worst([change.outcome for change in changes])
    return Comparison(
        outcome=outcome,
        sentence=_sentence(outcome, changes, max_regress),
        max_regress=max_regress,
        settings=others,
        changes=changes,
    )


def _changes(before: Profile, after: Profile, max_regress: float) -> Iterator[Change]:
    assert before.step_seconds is not None and after.step_seconds is not None
    relative = relative_change(before.step_seconds, after.step_seconds)
    yield Change(
        name="step_seconds",
        before=before.step_seconds,
        after=after.step_seconds,
        change=relative,
        outcome=_judge(relative, max_regress),
    )
    shares = _exposed(before), _exposed(after)
    if shares[0] is not None and shares[1] is not None:
        points = difference(shares[0], shares[1])
        yield Change(
            name="exposed_share",
            before=shares[0],
            after=shares[1],
            change=points,
            outcome=_judge(points, max_regress),
        )


def _exposed(profile: Profile) -> Estimate | None:
    share, low, high = (
        profile.exposed_share, profile.exposed_share_low, profile.exposed_share_high
    )  # fmt: skip
    if share is None or low is None or high is None:
        return None
    return Estimate(median=share, low=low, high=high)


def _judge(change: Estimate, max_regress: float) -> Outcome:
    if change.low > max_regress:
        return "regression"
    if change.high <= max_regress:
        return "fine"
    if change.high - change.low > max_regress:
        return "too noisy"
    return "regression" if change.median > max_regress else "fine"


def _worst(outcomes: list[Outcome]) -> Outcome:
    order: tuple[Outcome, ...] = ("regression", "too noisy")
    return next((one for one in order if one in outcomes), "fine")


def _sentence(outcome: Outcome, changes: tuple[Change, ...], max_regress: float) -> str:
    lead = {
        "fine": "No regression",
        "regression": "Regression",
        "too noisy": "Too noisy to tell; profile more steps on a quieter machine",
    }[outcome]
    told = "; ".join(map(_told, changes))
    return f"{lead}: {told}; {max_regress * 100:.3g}% is allowed."


def _told(change: Change) -> str:
    value, low, high = (
        f"{part * 100:+.1f}"
        for part in (change.change.median, change.change.low, change.change.high)
    )
    if change.name == "step_seconds":
        times = f"{human_duration(change.before.median)} -> {human_duration(change.after.median)}"
        return f"a step {value}% ({low} to {high}; {times})"
    shares = f"{change.before.median:.1%} -> {change.after.median:.1%}"
    return f"exposed wait {value} points of a step ({low} to {high}; {shares})"

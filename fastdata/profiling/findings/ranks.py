"""The training processes of one run, and which of them the profile is about."""

from __future__ import annotations

from collections.abc import Sequence

from fastdata.profiling.findings.summary import NO_STEPS, StepSummary
from fastdata.profiling.record import ROWS, RankFigures

__all__ = ["choose", "rank_figures"]

# In these rows a rank also waits for the others.
_SHARED = ("backward", "optimizer")
# A rank whose own work takes so much longer than that of the typical one holds all of them up.
_SLOWER = 1.1


def choose(summaries: Sequence[StepSummary]) -> tuple[StepSummary, str | None]:
    """The process that a profile shows, and a note on it.

    Args:
        summaries: Of all training processes.

    Returns:
        Rank 0, or the slowest rank where it holds the others up; without ranks, the process of the
        most steps.
    """
    if not summaries:
        return NO_STEPS, None
    first = min(summaries, key=lambda one: (one.rank, -one.steps))
    ranks = [one for one in summaries if one.steps and one.facts.get("world", 1) > 1]
    if len(ranks) < 2:
        return first, None
    own = sorted(_own_seconds(one) for one in ranks)
    slowest = max(ranks, key=_own_seconds)
    if own[-1] <= _SLOWER * own[(len(own) - 1) // 2]:
        return first, None
    return slowest, f"rank {slowest.rank} is shown: it is the slowest, and the others wait for it"


def rank_figures(summaries: Sequence[StepSummary]) -> tuple[RankFigures, ...]:
    """All of them, in order; empty for one process."""
    if len(summaries) < 2:
        return ()
    return tuple(
        RankFigures(
            rank=one.rank,
            pid=one.pid,
            steps=one.steps,
            step_seconds=one.step_seconds,
            exposed_share=one.exposed_share,
            own_seconds=_own_seconds(one),
        )
        for one in sorted(summaries, key=lambda one: one.rank)
        if one.step_seconds is not None
    )


def _own_seconds(one: StepSummary) -> float:
    return sum(one.rows[name] for name in ROWS if name not in _SHARED)

"""The steps of a run in groups of neighbours, as many as a chart has room for."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from fastdata.profiling.record import ROWS, StepKind, Timeline

__all__ = ["Column", "columns"]

_MOST_COLUMNS = 240


@dataclass(frozen=True)
class Column:
    """Neighbouring steps, as one column of the chart.

    Attributes:
        first: Number of its first step among those of the timeline.
        count: Steps of the timeline in it.
        rows: Mean seconds by the names of `ROWS`.
        hidden: Mean hidden wait.
        kinds: That occur in it.
    """

    first: int
    count: int
    rows: dict[str, float]
    hidden: float
    kinds: frozenset[StepKind]

    @property
    def seconds(self) -> float:
        """Mean of a step."""
        return math.fsum(self.rows.values())


def columns(timeline: Timeline, *, most: int = _MOST_COLUMNS) -> list[Column]:
    """The steps in at most so many groups of neighbours.

    A step that begins an epoch stands alone: within a mean nobody would see it.
    """
    count = len(timeline.start_seconds)
    size = max(1, math.ceil(count / most))
    edges = set(range(0, count, size))
    for at, kind in enumerate(timeline.kinds):
        if at and (kind == "epoch start" or kind != timeline.kinds[at - 1]) and count <= 4 * most:
            edges.add(at)
    bounds = [*sorted(edges), count]
    return [_column(timeline, *pair) for pair in itertools.pairwise(bounds)]


def _column(timeline: Timeline, first: int, end: int) -> Column:
    return Column(
        first=first,
        count=end - first,
        rows={
            name: max(0.0, math.fsum(timeline.rows[name][first:end]) / (end - first))
            for name in ROWS
        },
        hidden=math.fsum(timeline.hidden_wait[first:end]) / (end - first),
        kinds=frozenset(timeline.kinds[first:end]),
    )

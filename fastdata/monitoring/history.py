"""Samples of a run in bounded memory, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from fastdata.monitoring.columns import Column
from fastdata.monitoring.records import Figures, Sample

__all__ = ["History"]

# A chart has fewer pixels across; a week at one sample a second still takes under 2 MB.
MOST_ROWS = 4096


@dataclass
class _Course:
    """One column: its values, and running sums over all samples, also those merged since."""

    values: list[float] = field(default_factory=list)
    weight: float = 0.0
    mean: float = 0.0
    squares: float = 0.0
    peak: float = -math.inf

    def add(self, value: float | None, weight: float) -> None:
        self.values.append(math.nan if value is None else value)
        if value is None or weight <= 0:
            return
        # Source: D. West, "Updating mean and variance estimates", CACM 22(9), 1979.
        self.weight += weight
        step = (value - self.mean) * weight / self.weight
        self.squares += weight * (value - self.mean) * (value - self.mean - step)
        self.mean += step
        self.peak = max(self.peak, value)


class History:
    """Keeps at most 4,096 rows; when they are full, each two neighbours become their mean.

    Mean, spread and peak are those of all samples; p95 and charts are of the rows that are kept.

    Args:
        columns: What each sample holds.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.samples = 0
        self._courses = {column.name: _Course() for column in columns}
        self._ends: list[float] = []
        self._lengths: list[float] = []

    def add(self, sample: Sample) -> None:
        """Appends a sample."""
        self.samples += 1
        self._ends.append(sample.seconds)
        self._lengths.append(sample.interval_seconds)
        for name, course in self._courses.items():
            course.add(sample.values.get(name), sample.interval_seconds)
        if len(self._ends) >= MOST_ROWS:
            self._halve()

    @property
    def seconds(self) -> tuple[float, ...]:
        """End of each row, seconds since the start."""
        return tuple(self._ends)

    def values(self, name: str) -> tuple[float, ...]:
        """A column's rows; NaN where it could not be seen."""
        return tuple(self._courses[name].values)

    def figures(self) -> tuple[Figures, ...]:
        """Figures of each column that was seen at all."""
        return tuple(
            self._figures(column, self._courses[column.name])
            for column in self.columns
            if self._courses[column.name].weight > 0
        )

    def _figures(self, column: Column, course: _Course) -> Figures:
        spread = math.sqrt(max(0.0, course.squares / course.weight))
        return Figures(
            name=column.name,
            unit=column.unit,
            mean=course.mean,
            spread=spread,
            p95=self._quantile(course.values, 0.95),
            peak=course.peak,
            fluctuation=spread / course.mean if course.mean > 0 else None,
        )

    def _quantile(self, values: Sequence[float], share: float) -> float:
        """The smallest value that `share` of the time was not above."""
        pairs = zip(values, self._lengths, strict=True)
        known = sorted((value, length) for value, length in pairs if not math.isnan(value))
        wanted, passed = share * sum(length for _, length in known), 0.0
        for value, length in known:
            passed += length
            if passed >= wanted - 1e-9:
                return value
        return math.nan

    def _halve(self) -> None:
        lengths = self._lengths
        for course in self._courses.values():
            course.values = [
                _mean(course.values[at : at + 2], lengths[at : at + 2])
                for at in range(0, len(lengths), 2)
            ]
        self._ends = [self._ends[min(at + 1, len(lengths) - 1)] for at in range(0, len(lengths), 2)]
        self._lengths = [sum(lengths[at : at + 2]) for at in range(0, len(lengths), 2)]


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    known = [(v, w) for v, w in zip(values, weights, strict=True) if not math.isnan(v)]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total > 0 else math.nan

"""Samples of a run in bounded memory, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from fastdata.monitoring.columns import Column
from fastdata.monitoring.records import Figures, Sample

__all__ = ["History"]

# Even, since neighbours are merged. A chart has fewer pixels across; however long a run is, this
# takes under 2 MB.
MOST_ROWS = 4096


@dataclass
class _Course:
    """One column: its values, and running sums over all samples, also those merged since."""

    values: list[float] = field(default_factory=list)
    weight: float = 0.0
    mean: float = 0.0
    squares: float = 0.0
    peak: float = -math.inf

    def count(self, value: float | None, weight: float) -> None:
        """Adds a sample to the sums."""
        if value is None or weight <= 0:
            return
        # Source: D. West, "Updating mean and variance estimates", CACM 22(9), 1979.
        self.weight += weight
        step = (value - self.mean) * weight / self.weight
        self.squares += weight * (value - self.mean) * (value - self.mean - step)
        self.mean += step
        self.peak = max(self.peak, value)


class History:
    """Keeps at most 4,096 rows; when they are full, each two neighbours become one, their mean.

    From then on a row takes twice as many samples, so that all rows span the same time. Mean,
    spread and peak are those of all samples; p95 and charts are of the rows that are kept.

    Args:
        columns: What each sample holds.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.samples = 0
        self._courses = {column.name: _Course() for column in columns}
        self._ends: list[float] = []
        self._lengths: list[float] = []
        self._samples_a_row = 1
        self._samples_in_last = 0

    def add(self, sample: Sample) -> None:
        """Appends a sample."""
        self.samples += 1
        if self._samples_in_last < self._samples_a_row and self._ends:
            self._extend(sample)
        else:
            self._append(sample)
        for name, course in self._courses.items():
            course.count(sample.values.get(name), sample.interval_seconds)
        if len(self._ends) >= MOST_ROWS and self._samples_in_last == self._samples_a_row:
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

    def _append(self, sample: Sample) -> None:
        self._ends.append(sample.seconds)
        self._lengths.append(sample.interval_seconds)
        self._samples_in_last = 1
        for name, course in self._courses.items():
            course.values.append(_number(sample.values.get(name)))

    def _extend(self, sample: Sample) -> None:
        """Makes a sample part of the last row."""
        weights = (self._lengths[-1], sample.interval_seconds)
        self._ends[-1] = sample.seconds
        self._lengths[-1] += sample.interval_seconds
        self._samples_in_last += 1
        for name, course in self._courses.items():
            pair = (course.values[-1], _number(sample.values.get(name)))
            course.values[-1] = _mean(pair, weights)

    def _halve(self) -> None:
        lengths = self._lengths
        starts = range(0, len(lengths), 2)
        for course in self._courses.values():
            course.values = [
                _mean(course.values[at : at + 2], lengths[at : at + 2]) for at in starts
            ]
        self._ends = self._ends[1::2]
        self._lengths = [sum(lengths[at : at + 2]) for at in starts]
        self._samples_a_row *= 2
        self._samples_in_last = self._samples_a_row


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    known = [(v, w) for v, w in zip(values, weights, strict=True) if not math.isnan(v)]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total > 0 else math.nan

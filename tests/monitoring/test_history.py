"""Figures of a run: weighted by time, exact where they must be, and in bounded memory."""

from __future__ import annotations

import itertools
import math

import pytest

from fastdata.monitoring.columns import GPU_MEAN, Column
from fastdata.monitoring.history import MOST_ROWS, History
from fastdata.monitoring.records import Figures, Sample
from fastdata.monitoring.status import judge

CPU = Column("cpu_cores", "cores", "")


def history(*pairs: tuple[float | None, float]) -> History:
    """A history of (value, interval in seconds)."""
    filled, end = History([CPU]), 0.0
    for value, length in pairs:
        end += length
        filled.add(Sample(end, length, {CPU.name: value}))
    return filled


def test_samples_weigh_as_much_as_they_are_long() -> None:
    (figures,) = history((1.0, 3.0), (0.0, 1.0)).figures()
    assert figures.mean == pytest.approx(0.75)
    assert figures.spread == pytest.approx(math.sqrt(0.75 * 0.25))
    assert figures.fluctuation == pytest.approx(math.sqrt(0.75 * 0.25) / 0.75)
    assert figures.peak == 1.0


def test_p95_is_the_value_that_95_percent_of_the_time_was_not_above() -> None:
    (figures,) = history(*((float(value), 1.0) for value in range(1, 101))).figures()
    assert figures.p95 == 95
    (figures,) = history((1.0, 96.0), (9.0, 4.0)).figures()
    assert figures.p95 == 1.0


def test_what_was_not_seen_counts_as_nothing_and_not_as_zero() -> None:
    (figures,) = history((None, 5.0), (2.0, 1.0), (None, 5.0)).figures()
    assert (figures.mean, figures.p95) == (2.0, 2.0)
    assert history((None, 1.0)).figures() == ()


def test_a_mean_of_zero_has_no_fluctuation() -> None:
    (figures,) = history((0.0, 1.0), (0.0, 1.0)).figures()
    assert figures.fluctuation is None


def test_a_long_run_keeps_bounded_rows_and_exact_mean_spread_and_peak() -> None:
    values = [math.sin(at / 50) + 1 for at in range(3 * MOST_ROWS)]
    values[5000] = 17.0
    long = history(*((value, 0.5) for value in values))
    (figures,) = long.figures()
    mean = sum(values) / len(values)
    assert len(long.seconds) < MOST_ROWS
    assert long.samples == len(values)
    assert figures.mean == pytest.approx(mean)
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    assert figures.spread == pytest.approx(spread)
    assert figures.peak == 17.0
    assert figures.p95 == pytest.approx(1.99, abs=0.05)
    assert long.seconds[-1] == pytest.approx(0.5 * len(values))
    # Rows of one length, so that a chart does not look calmer where it is older.
    steps = {round(b - a, 6) for a, b in itertools.pairwise(long.seconds)}
    assert len(steps) == 1


def gpu(mean: float, fluctuation: float) -> dict[str, Figures]:
    figures = Figures(GPU_MEAN.name, "share", mean, mean * fluctuation, mean, mean, fluctuation)
    return {GPU_MEAN.name: figures}


@pytest.mark.parametrize(
    ("mean", "fluctuation", "kind"),
    [
        (0.85, 0.09, "on target"),
        (0.90, 0.10, "uneven"),
        (0.84, 0.05, "below target"),
        (0.50, 1.00, "below target"),
    ],
)
def test_the_target_is_85_percent_and_a_fluctuation_under_10(
    mean: float, fluctuation: float, kind: str
) -> None:
    status = judge(gpu(mean, fluctuation), cores=2, command="python train.py")
    assert status.kind == kind
    wanted = "" if kind == "on target" else "fastdata profile -- python train.py"
    assert status.next_command == wanted

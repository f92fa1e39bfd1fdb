"""Rates measured on a clock that the test moves by hand."""

from __future__ import annotations

from itertools import count

from fastdata.timing import Rate, measure_rate


def test_a_rate_counts_what_was_done_after_the_first_round() -> None:
    ticks = count()
    rate = measure_rate(lambda: 10, seconds=3.0, clock=lambda: float(next(ticks)))
    assert rate == Rate(count=30, seconds=3.0)
    assert rate.per_second == 10.0


def test_no_time_is_no_rate() -> None:
    assert Rate(count=5, seconds=0.0).per_second == 0.0

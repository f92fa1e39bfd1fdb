"""Medians, ratios and how sure they are; nothing here draws from anybody else's random numbers."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

from fastdata.profiling.record import Estimate

__all__ = ["difference", "median_of", "ratio_interval", "relative_change"]

_Z = 1.96
_RESAMPLES = 1_000
_LEAST = 1e-12


def median_of(values: Sequence[float]) -> Estimate:
    """The median with its 95 % interval, by order statistics.

    Args:
        values: At least one.

    Source: Conover, Practical Nonparametric Statistics, section 3.2.
    """
    ordered, count = sorted(values), len(values)
    reach = _Z * math.sqrt(count) / 2
    low = max(0, math.floor(count / 2 - reach))
    high = min(count - 1, math.ceil(count / 2 + reach))
    middle = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    return Estimate(median=middle, low=ordered[low], high=ordered[high])


def ratio_interval(parts: Sequence[float], wholes: Sequence[float]) -> tuple[float, float]:
    """95 % interval of ``sum(parts) / sum(wholes)``, by a moving-block bootstrap.

    Steps are no independent draws: with W workers every W-th one waits for all of them. Blocks of
    neighbours keep that together.

    Args:
        parts: In the order of the steps; at least one.
        wholes: Likewise; their sum is above 0.

    Source: Künsch, "The jackknife and the bootstrap for general stationary observations", Annals of
        Statistics 17 (1989).
    """
    count = len(parts)
    length = min(count, max(8, round(count ** (1 / 3))), max(1, count // 4))
    draw = random.Random(0)
    part_sums = list(itertools.accumulate(parts, initial=0.0))
    whole_sums = list(itertools.accumulate(wholes, initial=0.0))
    ratios = []
    for _ in range(_RESAMPLES):
        starts = [draw.randrange(count - length + 1) for _ in range(math.ceil(count / length))]
        part = sum(part_sums[start + length] - part_sums[start] for start in starts)
        whole = sum(whole_sums[start + length] - whole_sums[start] for start in starts)
        ratios.append(part / whole if whole else 0.0)
    ratios.sort()
    edge = _RESAMPLES // 40
    return ratios[edge], ratios[-edge - 1]


def difference(before: Estimate, after: Estimate) -> Estimate:
    """``after - before`` with its interval.

    Source: Zou and Donner, "Construction of confidence limits about effect measures: a general
        approach", Statistics in Medicine 27 (2008).
    """
    change = after.median - before.median
    return Estimate(
        median=change,
        low=change - math.hypot(after.median - after.low, before.high - before.median),
        high=change + math.hypot(after.high - after.median, before.median - before.low),
    )


def relative_change(before: Estimate, after: Estimate) -> Estimate:
    """``after / before - 1`` with its interval, taken as a difference of logarithms."""
    logs = difference(_log(before), _log(after))
    return Estimate(
        median=math.expm1(logs.median), low=math.expm1(logs.low), high=math.expm1(logs.high)
    )


def _log(value: Estimate) -> Estimate:
    return Estimate(
        median=math.log(max(value.median, _LEAST)),
        low=math.log(max(value.low, _LEAST)),
        high=math.log(max(value.high, _LEAST)),
    )

"""Which batches are split into stages, and how the others are taken to be made up.

To split a batch costs 0.14 ms a picture where decoding by Pillow (4 ms) has driven the clocks'
code out of the caches, 3.5 % of it. So, after the first ones, one batch in 32 is split, by chance,
since what is slow may come every so many batches. The others are timed as a whole, and of their
samples the slowest are noted, which costs 0.02 ms a picture (two runs: medians of 74 and 1,922
pairs of batches of 8, with and without).
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping

__all__ = ["SPLIT_SHARE", "MakeUp", "StageKey", "gaps"]

StageKey = tuple[str, str]
"""Stage and operation; the operation is empty for what belongs to the stage as a whole."""

_FIRST = 24
SPLIT_SHARE = 1 / 32
"""Of the batches after the first ones, those that are split."""

# Of a batch's weight, what it still has when the next one is split: about the last three count.
_KEPT = 0.6


def gaps() -> Iterator[int]:
    """How many batches are left whole before each one that is split."""
    yield from itertools.repeat(0, _FIRST)
    draw = random.Random(0)
    while True:
        # As if each had the same chance of being split.
        yield int(math.log(1.0 - draw.random()) / math.log1p(-SPLIT_SHARE))


class MakeUp:
    """What the batches that were split last were made up of.

    Attributes:
        parts: How often each stage and operation ran in a batch, and its share of the time, 0..1.
    """

    def __init__(self) -> None:
        self._weight = 0.0
        self._counts: dict[StageKey, float] = {}
        self._seconds: dict[StageKey, float] = {}
        self.parts: dict[StageKey, tuple[float, float]] = {}

    def learn(self, stages: Mapping[StageKey, tuple[int, float]]) -> None:
        """Takes in a batch that was split."""
        self._weight = self._weight * _KEPT + 1
        for key in self._counts.keys() | stages.keys():
            count, seconds = stages.get(key, (0, 0.0))
            self._counts[key] = self._counts.get(key, 0.0) * _KEPT + count
            self._seconds[key] = self._seconds.get(key, 0.0) * _KEPT + seconds
        whole = math.fsum(self._seconds.values())
        self.parts = {
            key: (self._counts[key] / self._weight, part / whole if whole else 0.0)
            for key, part in self._seconds.items()
        }

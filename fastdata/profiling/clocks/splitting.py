"""Which batches are split into stages, and how the others are taken to be made up.

To split a batch costs 0.2 ms a picture where decoding by Pillow (4.7 ms) has driven the clocks'
code out of the caches, 4 % of it. So, after the first ones, one batch in eight is split, by chance,
since what is slow may come every so many batches. The others are timed as a whole, and of their
samples the slowest are noted; 0.1 ms a picture is left of the cost (186 pairs of batches of 8, with
and without: 0.20-0.22 and 0.09-0.10 ms).
"""

from __future__ import annotations

import math
import random

__all__ = ["Splitting"]

Stages = dict[tuple[str, str], tuple[int, float]]

_FIRST = 24
_SHARE = 1 / 8
# Of a batch's weight, what it still has when the next one is split: about the last ten count.
_KEPT = 0.9


class Splitting:
    """Chooses batches, and knows the shares of the stages in those split last."""

    def __init__(self) -> None:
        self._random = random.Random(0)
        self._begun = 0
        self._weight = 0.0
        self._counts: dict[tuple[str, str], float] = {}
        self._seconds: dict[tuple[str, str], float] = {}

    def chooses_next(self) -> bool:
        """Whether the batch that begins is to be split."""
        self._begun += 1
        return self._begun <= _FIRST or self._random.random() < _SHARE

    def learn(self, stages: Stages) -> None:
        """Takes in a batch that was split."""
        for kept in (self._counts, self._seconds):
            for key in kept:
                kept[key] *= _KEPT
        self._weight = self._weight * _KEPT + 1
        for key, (count, seconds) in stages.items():
            self._counts[key] = self._counts.get(key, 0.0) + count
            self._seconds[key] = self._seconds.get(key, 0.0) + seconds

    def guess(self, seconds: float) -> Stages:
        """The stages of a batch that took so long and was not split."""
        whole = math.fsum(self._seconds.values())
        if not whole:
            return {("other", ""): (0, seconds)}
        return {
            key: (round(self._counts[key] / self._weight), seconds * part / whole)
            for key, part in self._seconds.items()
        }

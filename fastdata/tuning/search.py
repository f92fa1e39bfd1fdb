"""Which batch size to try next, and which of those tried is the knee, from the trials alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastdata.errors import UsageError
from fastdata.tuning.records import Trial

__all__ = ["SearchRange", "knee_of", "next_size", "run_search"]


@dataclass(frozen=True, kw_only=True)
class SearchRange:
    """Which sizes are tried.

    Attributes:
        smallest: First size, from 1. 2: batch normalisation cannot train on one sample.
        largest: Last size that may be tried.
        multiple_of: Sizes from it on are its multiples. 8: tensor cores want multiples of 8, and a
            finer choice is lost in the noise.
        knee: Share of the best rate, in (0, 1], that the chosen size must reach. 0.95: the last
            5 % often cost twice the memory, and larger batches cost accuracy.
    """

    smallest: int = 2
    largest: int = 4096
    multiple_of: int = 8
    knee: float = 0.95

    def __post_init__(self) -> None:
        for name in ("smallest", "largest", "multiple_of"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise UsageError(f"{name}={value!r}; expected a whole number from 1")
        if self.largest < self.smallest:
            raise UsageError(
                f"largest={self.largest} is below smallest={self.smallest}; no size lies between"
            )
        if not 0 < self.knee <= 1:
            raise UsageError(f"knee={self.knee!r}; expected a share above 0 and up to 1")

    def up_to(self, most: int | None) -> SearchRange:
        """This range without the sizes above `most`, which itself is in it; None is no bound."""
        if most is None:
            return self
        return dataclasses.replace(
            self, smallest=min(self.smallest, most), largest=min(self.largest, most)
        )

    def down(self, size: int) -> int:
        """The largest size of the grid that is not above `size`."""
        return size if size < self.multiple_of else size - size % self.multiple_of


def run_search(
    measure: Callable[[int], Trial], limits: SearchRange, *, target_bytes: int
) -> tuple[Trial, ...]:
    """Measures at growing sizes until memory, the range or the rate says that it is enough.

    Args:
        measure: Does real steps at a size.
        limits: Which sizes may be tried.
        target_bytes: Memory that must not be passed; a size that is expected to is not tried.
    """
    trials: list[Trial] = []
    size: int | None = limits.smallest
    while size is not None:
        best = max((trial.samples_per_second for trial in trials if trial.fits), default=0.0)
        trials.append(measure(size))
        # A larger batch is hardly ever slower: something else has taken the processor.
        if trials[-1].fits and trials[-1].samples_per_second < limits.knee * best:
            trials.append(measure(size))
        size = next_size(trials, limits, target_bytes=target_bytes)
    return tuple(trials)


def next_size(trials: Sequence[Trial], limits: SearchRange, *, target_bytes: int) -> int | None:
    """The size to try after these; None when the search is over.

    Sizes double while they fit. Where the next doubling would pass the target, or has failed, the
    memory of the two largest fitting sizes says, on a straight line, how far one can go.
    """
    fitting = _by_size(trials)
    if not fitting or _has_levelled(fitting, limits.knee):
        return None
    largest = fitting[-1].batch_size
    failed = min((trial.batch_size for trial in trials if not trial.fits), default=None)
    wanted = 2 * largest if failed is None else (largest + failed) // 2
    reach = min(limits.largest, _expected_to_fit(fitting, target_bytes))
    candidate = limits.down(min(wanted, reach))
    return candidate if candidate > largest else None


def knee_of(trials: Sequence[Trial], knee: float) -> Trial | None:
    """The smallest fitting size that reaches a share of the best rate; None when nothing fits."""
    fitting = _by_size(trials)
    best = max((trial.samples_per_second for trial in fitting), default=0.0)
    return next((trial for trial in fitting if trial.samples_per_second >= knee * best), None)


def _by_size(trials: Sequence[Trial]) -> list[Trial]:
    """The faster one of each size that fits."""
    by_rate = sorted(trials, key=lambda trial: trial.samples_per_second)
    fitting = {trial.batch_size: trial for trial in by_rate if trial.fits}
    return [fitting[size] for size in sorted(fitting)]


def _has_levelled(fitting: Sequence[Trial], knee: float) -> bool:
    """Whether the two largest sizes brought less than the knee leaves to be gained.

    Two, since one measurement may have been disturbed.
    """
    if len(fitting) < 3:
        return False
    before, *latest = (trial.samples_per_second for trial in fitting[-3:])
    return before >= knee * max(latest)


def _expected_to_fit(fitting: Sequence[Trial], target_bytes: int) -> int:
    if len(fitting) < 2:
        return 2 * fitting[-1].batch_size
    smaller, larger = fitting[-2:]
    grown = larger.peak_bytes - smaller.peak_bytes
    if grown <= 0:  # small batches hide in memory that is held anyway
        return 2 * larger.batch_size
    bytes_each = grown / (larger.batch_size - smaller.batch_size)
    return larger.batch_size + int((target_bytes - larger.peak_bytes) / bytes_each)

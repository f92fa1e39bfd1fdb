"""Which sizes are tried, on machines whose memory and speed are known exactly."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fastdata.errors import UsageError
from fastdata.tuning.globalbatch import divide, share_of_rank
from fastdata.tuning.records import Trial
from fastdata.tuning.search import SearchRange, knee_of, run_search

BASE_BYTES = 1000
EACH_BYTES = 10


def growing(size: int) -> float:
    """Seconds of a step that is all overhead: the rate doubles with the size."""
    return 1.0


def levelling(size: int) -> float:
    """Overhead of 16 samples' time: the rate reaches 95 % of its end at 304 samples."""
    return 16 + size


def machine(
    seconds: Callable[[int], float], *, memory_bytes: int, asked: list[int] | None = None
) -> Callable[[int], Trial]:
    def measure(size: int) -> Trial:
        if asked is not None:
            asked.append(size)
        peak = BASE_BYTES + EACH_BYTES * size
        if peak > memory_bytes:
            return Trial(batch_size=size, verdict="out of memory", peak_bytes=memory_bytes)
        return Trial(batch_size=size, verdict="fits", seconds=seconds(size), peak_bytes=peak)

    return measure


def test_a_growing_rate_takes_the_largest_multiple_of_eight_that_fits() -> None:
    asked: list[int] = []
    # 1000 + 10 * 153 is the target: 152 is the largest multiple of 8 below it.
    measure = machine(growing, memory_bytes=10**9, asked=asked)
    trials = run_search(measure, SearchRange(), target_bytes=2_530)
    assert max(asked) == 152
    found = knee_of(trials, 0.95)
    assert found is not None and found.batch_size == 152


@pytest.mark.parametrize("memory_bytes", range(1_041, 20_000, 517))
def test_no_size_is_tried_that_is_known_not_to_fit(memory_bytes: int) -> None:
    asked: list[int] = []
    measure = machine(growing, memory_bytes=memory_bytes, asked=asked)
    run_search(measure, SearchRange(), target_bytes=memory_bytes)
    assert all(BASE_BYTES + EACH_BYTES * size <= memory_bytes for size in asked)


def test_memory_that_runs_out_unexpectedly_is_narrowed_down() -> None:
    def measure(size: int) -> Trial:
        # Sizes above 100 want a workspace that smaller ones did not announce.
        if size > 100:
            return Trial(batch_size=size, verdict="allocator retried", seconds=1.0, peak_bytes=9)
        return Trial(batch_size=size, verdict="fits", seconds=1.0, peak_bytes=size)

    trials = run_search(measure, SearchRange(), target_bytes=10**6)
    assert [trial.batch_size for trial in trials] == [2, 4, 8, 16, 32, 64, 128, 96, 112, 104]
    found = knee_of(trials, 0.95)
    assert found is not None and found.batch_size == 96


def test_the_knee_is_the_smallest_size_near_the_best_rate() -> None:
    trials = run_search(
        machine(levelling, memory_bytes=10**9), SearchRange(largest=4096), target_bytes=10**9
    )
    found = knee_of(trials, 0.95)
    assert found is not None
    best = max(trial.samples_per_second for trial in trials)
    assert found.samples_per_second >= 0.95 * best
    below = [trial for trial in trials if trial.batch_size < found.batch_size]
    assert all(trial.samples_per_second < 0.95 * best for trial in below)


def test_it_stops_growing_when_the_rate_does() -> None:
    asked: list[int] = []
    flat = machine(lambda size: size / 100, memory_bytes=10**9, asked=asked)
    run_search(flat, SearchRange(largest=4096), target_bytes=10**9)
    assert asked == [2, 4, 8]


def test_a_disturbed_measurement_is_done_again() -> None:
    asked: list[int] = []

    def measure(size: int) -> Trial:
        asked.append(size)
        is_disturbed = size >= 4 and asked.count(size) == 1
        seconds = 50.0 if is_disturbed else 1.0
        return Trial(batch_size=size, verdict="fits", seconds=seconds, peak_bytes=0)

    trials = run_search(measure, SearchRange(largest=64), target_bytes=1)
    found = knee_of(trials, 0.95)
    assert found is not None and found.batch_size == 64


def test_range_and_step_are_kept() -> None:
    asked: list[int] = []
    measure = machine(growing, memory_bytes=10**9, asked=asked)
    run_search(measure, SearchRange(smallest=6, largest=110, multiple_of=10), target_bytes=10**9)
    assert asked == [6, 10, 20, 40, 80, 110]


def test_nothing_fits() -> None:
    trials = run_search(machine(growing, memory_bytes=5), SearchRange(), target_bytes=5)
    assert [trial.verdict for trial in trials] == ["out of memory"]
    assert knee_of(trials, 0.95) is None


@pytest.mark.parametrize(
    "wrong",
    [{"smallest": 0}, {"largest": 1.5}, {"multiple_of": True}, {"knee": 0.0}, {"knee": 1.1}],
)
def test_a_wrong_range_names_itself(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        SearchRange(**wrong)


def test_a_range_without_sizes() -> None:
    with pytest.raises(UsageError, match="largest=4 is below smallest=8"):
        SearchRange(smallest=8, largest=4)


@pytest.mark.parametrize(
    ("share", "most", "expected"),
    [(256, 100, (64, 4)), (48, 32, (24, 2)), (48, 64, (48, 1)), (7, 3, (1, 7))],
)
def test_a_global_batch_is_divided_exactly(
    share: int, most: int, expected: tuple[int, int]
) -> None:
    assert divide(share, most) == expected


def test_a_global_batch_that_ranks_cannot_share() -> None:
    assert share_of_rank(256, 4) == 64
    with pytest.raises(UsageError, match=r"cannot be shared by 4 ranks.* such as 100"):
        share_of_rank(101, 4)

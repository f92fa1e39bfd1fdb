"""Gates of the profiler as tests: a figure must hold in one of three runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastdata.profiling.selfcheck import Check

__all__ = ["assert_holds"]


def assert_holds(gate: Callable[[], Iterator[Check]]) -> None:
    """Fails where one and the same figure is wrong in each of three runs.

    Bursts of other work spoil some figure in nearly every run of a gate that has dozens, but seldom
    the same one three times; one that the profiler gets wrong is wrong each time. What this lets
    pass is a fault that comes and goes.
    """
    always_wrong: set[int] | None = None
    for _ in range(3):
        checks = list(gate())
        assert checks
        wrong = {number for number, check in enumerate(checks) if not check.ok}
        always_wrong = wrong if always_wrong is None else always_wrong & wrong
        if not always_wrong:
            return
    raise AssertionError([checks[number] for number in sorted(always_wrong or ())])

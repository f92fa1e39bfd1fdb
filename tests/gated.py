"""Gates of the profiler as tests: a figure must hold in one of three runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastdata.profiling.selfcheck import Check

__all__ = ["assert_holds"]


def assert_holds(gate: Callable[[], Iterator[Check]]) -> None:
    """A burst of other work on the machine may spoil a figure; a wrong one is wrong each time."""
    always_wrong: set[int] | None = None
    for _ in range(3):
        checks = list(gate())
        assert checks
        wrong = {number for number, check in enumerate(checks) if not check.ok}
        always_wrong = wrong if always_wrong is None else always_wrong & wrong
        if not always_wrong:
            return
    raise AssertionError([checks[number] for number in sorted(always_wrong or ())])

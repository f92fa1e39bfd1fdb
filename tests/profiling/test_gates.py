"""The profiler's figures against runs whose every second was put there on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from fastdata.profiling.selfcheck import Check
from fastdata.profiling.selfcheck.gates import (
    RATIOS,
    closed_form,
    metamorphic,
    null,
)
from fastdata.profiling.selfcheck.observing import observer


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that spin while they wait would take the cores from the workers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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


@pytest.mark.parametrize("ratio", RATIOS)
def test_exposed_wait_is_what_the_closed_form_says(ratio: float) -> None:
    assert_holds(lambda: closed_form(ratios=[ratio]))


def test_a_delay_moves_its_own_row_and_no_other_busy_one() -> None:
    assert_holds(metamorphic)


def test_no_wait_where_there_is_none_and_all_where_there_is_nothing_else() -> None:
    assert_holds(null)


def test_the_profiler_costs_less_than_one_percent_and_03_ms_a_step() -> None:
    assert_holds(observer)

"""The profiler's figures against runs whose every second was put there on purpose."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
import torch
from gated import assert_holds

from fastdata.cli.profilerun.selfcheck import run_selfcheck
from fastdata.profiling import selfcheck
from fastdata.profiling.recorders.working import Worker, Workshop
from fastdata.profiling.selfcheck import GPU_GATES, Check
from fastdata.profiling.selfcheck.contention import contention
from fastdata.profiling.selfcheck.decoding import decoding_cost
from fastdata.profiling.selfcheck.gates import (
    RATIOS,
    closed_form,
    metamorphic,
    null,
)
from fastdata.profiling.selfcheck.ledger import CHANGES, Change, ledger
from fastdata.profiling.selfcheck.observing import observer

pytestmark = pytest.mark.asleep


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that spin while they wait would take the cores from the workers."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("ratio", RATIOS)
def test_exposed_wait_is_what_the_closed_form_says(ratio: float) -> None:
    assert_holds(lambda: closed_form(ratios=[ratio]))


@pytest.mark.alone
def test_a_delay_moves_its_own_row_and_no_other_busy_one() -> None:
    assert_holds(metamorphic)


def test_no_wait_where_there_is_none_and_all_where_there_is_nothing_else() -> None:
    assert_holds(null)


@pytest.mark.alone
def test_the_profiler_costs_less_than_one_percent_and_03_ms_a_step() -> None:
    assert_holds(observer)


def test_a_batch_of_decoded_pictures_costs_no_more_than_one_percent() -> None:
    # By the low end: to have the high one below takes more pairs than a test has time for.
    assert any(decoding_cost(most_pairs=80).low < 0.01 for _ in range(3))


def test_what_the_profiler_takes_from_a_batch_of_pictures_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop_late(self: Workshop, worker: Worker, *, is_whole: bool) -> None:
        until = time.thread_time() + 0.005
        while time.thread_time() < until:
            pass
        plain(self, worker, is_whole=is_whole)

    plain = Workshop.stop
    monkeypatch.setattr(Workshop, "stop", stop_late)
    assert any(decoding_cost(most_pairs=80).low > 0.01 for _ in range(3))


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: f"{one.predicted} {one.replay}")
def test_what_was_predicted_comes_when_it_is_done(change: Change) -> None:
    assert_holds(lambda: ledger(changes=(change,)))


@pytest.mark.alone
def test_a_running_loader_makes_steps_as_much_longer_as_was_predicted() -> None:
    assert_holds(contention)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here, and its gates run")
def test_without_a_gpu_its_gates_are_not_validated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = Check(gate="g", case="c", expected=1.0, measured=1.0, tolerance=0.1, unit="ms a step")
    monkeypatch.setattr(selfcheck, "GATES", {"g": lambda: iter([right])})
    run_selfcheck(json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["not_validated_here"] == list(GPU_GATES)
    run_selfcheck(json=False)
    lines = capsys.readouterr().out.splitlines()
    assert sum("not validated here: torch sees no GPU" in line for line in lines) == len(GPU_GATES)

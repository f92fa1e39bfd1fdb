"""Steps on their way through shared memory into the figures of a profile."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from fastdata.profiling.clocks.passes import StepNotes
from fastdata.profiling.clocks.plan import Plan
from fastdata.profiling.clocks.step import StepFigures
from fastdata.profiling.findings.estimates import median_of, ratio_interval
from fastdata.profiling.findings.summary import StepSummary, summarise_steps
from fastdata.profiling.lanes.channel import Channel
from fastdata.profiling.lanes.steplane import StepLane
from fastdata.profiling.record import ROWS


@pytest.fixture
def channel() -> Iterator[Channel]:
    made = Channel.create()
    yield made
    made.close()


def step(number: int, *, wait: float = 0.01, forward: float = 0.03) -> StepFigures:
    rows = dict.fromkeys(ROWS, 0.0) | {"exposed_data_wait": wait, "forward": forward}
    return StepFigures(
        start=100.0 + number, wall=wait + forward, rows=rows, hidden=0.002, first_batch=0.0,
        worker_start=0.0, epochs=0, validation=0.0, validation_passes=0, on_stream=False,
    )  # fmt: skip


def notes(*, samples: int | None = 8) -> StepNotes:
    made = StepNotes()
    made.add(samples, is_ready=None)
    return made


def summarised(channel: Channel, steps: Iterator[StepFigures], *, plan: Plan) -> StepSummary:
    lane = StepLane(channel, plan)
    for one in steps:
        lane.write(one, notes())
    return summarise_steps(channel.lanes()[0], begun=100.0)


@pytest.mark.parametrize("count", [10, 4_096, 4_097, 20_000])
def test_runs_of_any_length_keep_their_means(channel: Channel, count: int) -> None:
    steps = (step(number, wait=0.01 * (number % 3)) for number in range(count))
    summary = summarised(channel, steps, plan=Plan(warmup=0))
    assert count - 8 <= summary.steps <= count
    assert summary.rows["forward"] == pytest.approx(0.03)
    assert summary.rows["exposed_data_wait"] == pytest.approx(
        0.01, rel=0.12 if count < 50 else 0.01
    )
    assert summary.wall_seconds == pytest.approx(sum(summary.rows.values()))
    assert summary.samples_per_step == 8 and summary.ready_share is None
    assert summary.hidden_share == pytest.approx(0.002 / summary.wall_seconds)
    assert len(summary.timeline.start_seconds) <= 2_000
    assert summary.timeline.stride * len(summary.timeline.start_seconds) == pytest.approx(
        count, rel=0.1
    )


def test_a_model_that_compiles_at_first_warms_up_for_longer(channel: Channel) -> None:
    steps = (step(number, forward=5.0 if number < 4 else 0.03) for number in range(40))
    summary = summarised(channel, steps, plan=Plan(warmup=2))
    assert summary.steps == 36 and summary.start.warmup_steps == 4
    assert summary.start.warmup_seconds == pytest.approx(4 * 5.01)
    assert summary.step_seconds is not None and summary.step_seconds.high < 0.1


def test_one_slow_step_later_is_part_of_the_run(channel: Channel) -> None:
    steps = (step(number, forward=5.0 if number == 20 else 0.03) for number in range(40))
    summary = summarised(channel, steps, plan=Plan(warmup=2))
    assert summary.steps == 38 and summary.rows["forward"] > 0.1


def test_no_more_steps_are_measured_than_asked_for(channel: Channel) -> None:
    steps = (step(number) for number in range(100))
    assert summarised(channel, steps, plan=Plan(warmup=5, steps=20)).steps == 20


def test_the_median_lies_in_its_interval() -> None:
    for count in (1, 2, 3, 10, 101):
        found = median_of([float(number) for number in range(count)])
        assert found.low <= found.median == (count - 1) / 2 <= found.high
    wide = median_of([float(number) for number in range(100)])
    assert (wide.low, wide.high) == (40.0, 60.0)


def test_bursts_of_waiting_do_not_widen_the_interval() -> None:
    """With two workers every second step waits for both: the share is a sure third."""
    parts = [0.0, 2.0] * 100
    low, high = ratio_interval(parts, [part + 2.0 for part in parts])
    assert low == pytest.approx(1 / 3, abs=0.01) and high == pytest.approx(1 / 3, abs=0.01)


def test_the_interval_of_a_share_is_the_same_each_time_and_holds_it() -> None:
    parts = [abs(math.sin(number * 1.7)) for number in range(60)]
    wholes = [part + 1.0 for part in parts]
    low, high = ratio_interval(parts, wholes)
    assert low < sum(parts) / sum(wholes) < high
    assert (low, high) == ratio_interval(parts, wholes)

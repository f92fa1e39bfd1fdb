"""What a pipeline of workers and steps takes on cores that are plenty, or shared."""

from __future__ import annotations

import dataclasses

import pytest

from fastdata.profiling.findings.pipeline import Pipeline
from fastdata.profiling.findings.summary import NO_STEPS
from fastdata.profiling.record import ROWS, Stage, WorkerLane, Workers

PLENTY = Pipeline(
    computing=0.02, computing_cores=1.0, making=0.08, making_cores=1.0, cores=16
)  # fmt: skip
SHARED = dataclasses.replace(PLENTY, computing_cores=2.0, cores=2)


@pytest.mark.parametrize(("workers", "seconds"), [(0, 0.1), (1, 0.08), (2, 0.04), (4, 0.02)])
def test_with_a_core_for_each_the_slower_one_counts(workers: int, seconds: float) -> None:
    assert PLENTY.step(workers) == pytest.approx(seconds)
    assert PLENTY.least(workers) == pytest.approx(seconds)
    assert seconds <= PLENTY.most(workers) <= 1.2 * seconds


def test_on_shared_cores_no_step_takes_less_than_its_cpu_time() -> None:
    # 2 x 20 ms to compute and 80 ms to make are 120 ms, on two cores.
    assert SHARED.step(2) == pytest.approx(0.06)
    assert SHARED.least(2) == pytest.approx(0.9 * 0.06)
    # One worker gets two thirds of a core for 30 ms, and a whole one for the other 60.
    assert SHARED.step(1) == pytest.approx(0.09)
    for workers in (1, 2, 3):
        assert SHARED.least(workers) < SHARED.step(workers) < SHARED.most(workers)


def test_a_worker_that_sleeps_takes_no_core() -> None:
    asleep = dataclasses.replace(SHARED, making_cores=0.0)
    assert asleep.step(2) == pytest.approx(0.04) == asleep.most(2)


def test_a_run_without_cores_to_spare_is_told_from_one_that_needs_more_time() -> None:
    stage = Stage(
        name="decode", operation="", count=1, total_seconds=0.1, seconds_per_sample=None,
        seconds_per_batch=0.1, share=1.0,
    )  # fmt: skip
    workers = Workers(stages=(stage,), cpu_seconds_per_batch=0.08, core_wait_seconds_per_batch=0.02)
    steps = dataclasses.replace(
        NO_STEPS, wall_seconds=0.1, fetches_per_step=1.0, process_cpu_seconds=0.04,
        core_wait_share=0.1, rows=dict.fromkeys(ROWS, 0.0) | {"exposed_data_wait": 0.06},
    )  # fmt: skip
    found = Pipeline.of(steps, workers, 1, cores=2)
    assert (found.making, found.making_cores) == pytest.approx((0.08, 1.0))
    assert (found.computing, found.computing_cores) == pytest.approx((0.03, 4 / 3))
    unknown = Pipeline.of(
        steps, dataclasses.replace(workers, cpu_seconds_per_batch=None), 1, cores=2
    )
    assert unknown.step(2) == pytest.approx(0.05)


def test_threads_make_one_batch_after_the_other_and_share_their_stages() -> None:
    stages = tuple(
        Stage(
            name=name, operation="", count=1, total_seconds=seconds, seconds_per_sample=None,
            seconds_per_batch=seconds, share=seconds / 0.05, threads=threads,
        )
        for name, seconds, threads in (("decode", 0.04, 2), ("collate", 0.01, 1))
    )  # fmt: skip
    lane = WorkerLane(
        name="fastdata-producer", kind="thread", pid=1, batches=1, samples=1, wall_seconds=0.05,
        busy_seconds=0.05, stages=stages, segments=(),
    )  # fmt: skip
    steps = dataclasses.replace(
        NO_STEPS, wall_seconds=0.05, fetches_per_step=1.0, process_cpu_seconds=0.1,
        core_wait_share=0.0, rows=dict.fromkeys(ROWS, 0.0) | {"exposed_data_wait": 0.04},
    )  # fmt: skip
    found = Pipeline.of(steps, Workers(lanes=(lane,), stages=stages), 1, cores=16)
    # Of the 100 ms of CPU time that all threads of the process took, 90 are those of the batch.
    assert (found.making, found.making_cores) == pytest.approx((0.05, 1.8))
    assert (found.computing, found.computing_cores) == pytest.approx((0.01, 1.0))
    assert found.step(1) == pytest.approx(0.05)
    # 10 ms of one thread, and 40 of two shared by four.
    assert found.sharing(0.8, threads=2, more=4).step(1) == pytest.approx(0.03)

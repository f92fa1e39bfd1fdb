"""What is concluded from which figures."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fastdata.profiling.findings.summary import NO_STEPS, StepSummary
from fastdata.profiling.findings.verdict import Findings, judge
from fastdata.profiling.findings.whatif import model_what_ifs
from fastdata.profiling.record import ROWS, Estimate, LoaderFacts, Reading, Stage, Workers

LOADER = LoaderFacts(
    kind="DataLoader", engine=None, dataset="Photos", samples=100, batch_size=4, workers=2,
    prefetch_batches=2, pin_memory=False, persistent_workers=False,
)  # fmt: skip


def about(seconds: float) -> Estimate:
    return Estimate(median=seconds, low=seconds * 0.99, high=seconds * 1.01)


def steps(exposed: float, *, reach: float = 0.01, **changes: Any) -> StepSummary:
    """Steps of 100 ms."""
    made = dataclasses.replace(
        NO_STEPS,
        steps=100,
        step_seconds=about(0.1),
        wall_seconds=0.1,
        exposed_share=exposed,
        exposed_share_low=max(0.0, exposed - reach),
        exposed_share_high=exposed + reach,
        hidden_share=0.0,
        rows=dict.fromkeys(ROWS, 0.0) | {"exposed_data_wait": exposed * 0.1},
        fetches_per_step=1.0,
        core_wait_share=0.01,
    )
    return dataclasses.replace(made, **changes)


def workers(**shares: float) -> Workers:
    return Workers(
        stages=tuple(
            Stage(
                name=name, operation="", count=1, total_seconds=share, seconds_per_sample=None,
                seconds_per_batch=share, share=share,
            )
            for name, share in shares.items()
        )
    )  # fmt: skip


def verdict(made: StepSummary, **changes: Any) -> Any:
    found = {"loader": LOADER, "workers": Workers(), "cores": 2} | changes
    return judge(Findings(steps=made, **found))


@pytest.mark.parametrize(
    ("exposed", "reach", "kind"),
    [
        (0.22, 0.01, "data-bound"),
        (0.22, 0.03, "worth a look"),
        (0.20, 0.0, "data-bound"),
        (0.06, 0.005, "worth a look"),
        (0.06, 0.02, "compute-bound"),
        (0.04, 0.0, "compute-bound"),
        (0.0, 0.0, "compute-bound"),
    ],
)
def test_the_near_edge_of_the_interval_decides(exposed: float, reach: float, kind: str) -> None:
    assert verdict(steps(exposed, reach=reach)).kind == kind


def test_a_compute_bound_run_has_nothing_to_gain() -> None:
    found = verdict(steps(0.008))
    assert found.sentence == "Nothing to gain from data: 0.8% of each step is exposed wait."
    assert found.next_command is None
    assert "exposed data wait 0.8 ms of 100.0 ms a step" in found.evidence[0]


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({"cores": 8}, "num_workers: 2 -> 4"),
        ({"workers": workers(decode=0.7, collate=0.3)},
         "fastdata convert DATA pack.lmdb --resize shortest:256"),
        ({"workers": workers(decode=0.3, transform=0.6)},
         "loader = fastdata.FastLoader('pack.lmdb', transforms=[...])"),
        ({"workers": workers(read=0.9)}, "fastdata convert DATA pack.lmdb"),
        ({"loader": None}, "loader = fastdata.FastLoader(dataset, ...)"),
    ],
)  # fmt: skip
def test_a_data_bound_run_is_told_what_to_do(changes: dict[str, Any], command: str | None) -> None:
    assert verdict(steps(0.5), **changes).next_command == command


def test_a_thread_without_a_core_is_contention() -> None:
    found = verdict(steps(0.01, core_wait_share=0.3))
    assert found.kind == "contention" and "waits for a core in 30%" in found.sentence
    # It is late with fetching batches as well, until that is most of what it does.
    assert verdict(steps(0.15, core_wait_share=0.3)).kind == "contention"
    assert verdict(steps(0.4, core_wait_share=0.3)).kind == "data-bound"


def test_a_loader_that_slows_the_steps_beside_it_is_contention() -> None:
    found = verdict(steps(0.01, alone=about(0.08), beside=about(0.1)))
    assert found.kind == "contention" and "takes 20% of each step" in found.sentence
    near = steps(0.01, alone=about(0.099), beside=about(0.1))
    assert verdict(near).kind == "compute-bound"


def test_steps_that_scatter_widely_are_not_predicted_to_take_less_than_nothing() -> None:
    scattered = steps(0.5, step_seconds=Estimate(median=0.1, low=0.05, high=0.6))
    (ready,) = model_what_ifs(scattered, LOADER, Workers(), cores=2)
    assert 0 <= ready.step_seconds.low <= ready.step_seconds.median <= ready.step_seconds.high


def test_a_gpu_that_waits_for_launches_is_launch_bound() -> None:
    assert verdict(steps(0.01, on_stream=True, drained_share=0.95)).kind == "launch-bound"
    assert verdict(steps(0.01, on_stream=True, drained_share=0.5)).kind == "compute-bound"


@pytest.mark.parametrize(
    ("made", "missing", "sentence"),
    [
        (NO_STEPS, (), "INCOMPLETE: no optimizer step was seen."),
        (steps(0.5, steps=9), (), "INCOMPLETE: only 9 steady steps were seen; 10 are needed."),
        (steps(0.5), ("a thing", "another"), "INCOMPLETE: a thing; another."),
    ],
)
def test_what_is_missing_is_named(
    made: StepSummary, missing: tuple[str, ...], sentence: str
) -> None:
    found = verdict(made, missing=missing)
    assert (found.kind, found.sentence, found.next_command) == ("INCOMPLETE", sentence, None)
    assert found.missing


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "num_workers: 1 -> 2"),
        ({"workers": 2}, "fastdata convert DATA pack.lmdb --resize shortest:256"),
        # A gather runs on the training thread, whatever number it was given.
        ({"gathers": True}, None),
    ],
)
def test_threads_of_an_engine_are_as_many_as_cores(
    changes: dict[str, Any], command: str | None
) -> None:
    loader = dataclasses.replace(LOADER, engine="cpu", **({"workers": 1} | changes))
    found = verdict(steps(0.5), loader=loader, workers=workers(decode=1.0))
    assert found.next_command == command
    assert ("1 thread cannot make batches" in found.sentence) == (not changes)


def test_arrays_are_to_be_gathered_and_where_they_are_no_command_is_made_up() -> None:
    tensors = dataclasses.replace(LOADER, dataset="TensorDataset", workers=0)
    found = verdict(steps(0.6), loader=tensors, workers=workers(other=0.8, collate=0.2))
    assert found.next_command == "loader = fastdata.FastLoader(dataset, ...)"
    gathers = dataclasses.replace(tensors, kind="FastLoader", engine="cpu", gathers=True)
    found = verdict(steps(0.6), loader=gathers, workers=workers(other=0.003, collate=0.002))
    assert found.kind == "data-bound" and found.next_command is None
    assert found.sentence.endswith("; whole batches are already gathered in one go, 5.00 ms each.")


@pytest.mark.parametrize(
    ("cached_share", "storage_share", "is_offered"),
    [(1.0, 0.0, False), (1.0, 0.5, True), (0.3, 0.0, True), (None, 0.0, True), (1.0, None, True)],
)
def test_a_warm_cache_is_no_change_where_all_that_was_read_lay_there(
    cached_share: float | None, storage_share: float | None, is_offered: bool
) -> None:
    reading = Reading(
        asked_bytes=10_000,
        storage_bytes=None,
        storage_share=storage_share,
        bytes_per_second=None,
        page_faults=0,
        cached_share=cached_share,
    )
    made = dataclasses.replace(workers(read=0.1, decode=0.1), reading=reading)
    found = model_what_ifs(steps(0.5), LOADER, made, cores=2)
    assert any(one.name == "with a warm cache" for one in found) == is_offered

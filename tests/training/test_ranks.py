"""Two processes train what one process would, with gloo as torchrun starts them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from typing import Any

import pytest
import ranked_runs
import torch
from ranked_runs import (
    LOADERS_OF_ONE,
    WINDOWS,
    begun,
    own_batches,
    whole_run,
)
from small_runs import GradientLog, StopsAt, network, trainer
from torch import nn

# Sums of float32 numbers in another order; they add up over the steps of a run.
CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-6}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What each of two ranks found."""
    folder = tmp_path_factory.mktemp("ranks")
    for name, loader in LOADERS_OF_ONE.items():
        begun(folder / name, loader(), StopsAt(6 if name == "within a step" else 8))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    torchrun = subprocess.Popen(
        [*command, ranked_runs.__file__, str(folder)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, err = torchrun.communicate(timeout=200)
    finally:
        # Ranks that wait for each other must not outlive the test.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(torchrun.pid, signal.SIGKILL)
    assert torchrun.returncode == 0, err
    return [torch.load(folder / f"rank-{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("is_sized", [True, False])
@pytest.mark.parametrize("case", WINDOWS)
def test_gradients_of_two_ranks_are_those_of_one_big_batch(
    ranks: list[Any], case: str, is_sized: bool
) -> None:
    found = [rank["gradients"][f"{case}, {is_sized}"] for rank in ranks]
    steps: list[list[Any]] = [[] for _ in range(max(len(windows) for windows in WINDOWS[case]))]
    for rank in range(2):
        left = iter(own_batches(case, rank))
        for step, sizes in zip(steps, WINDOWS[case][rank], strict=False):
            step += [next(left) for _ in sizes]
    big = [(torch.cat([x for x, _ in step]), torch.cat([y for _, y in step])) for step in steps]
    model = network()
    log = GradientLog(model.parameters())
    trainer(model, nn.functional.cross_entropy, optimizer=log).fit(big)
    assert len(found[0]) == len(found[1]) == len(log.gradients)
    for ours, theirs, expected in zip(*found, log.gradients, strict=True):
        for one, two, wanted in zip(ours, theirs, expected, strict=True):
            assert torch.equal(one, two)
            torch.testing.assert_close(one, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", ["FastLoader", "DataLoader"])
def test_a_run_of_two_ranks_is_that_of_one_with_the_same_global_batch(
    ranks: list[Any], kind: str
) -> None:
    alone = whole_run(kind, 1)
    for rank in ranks:
        for part in ("weights", "average"):
            for name, value in rank[kind][part].items():
                torch.testing.assert_close(value, alone[part][name], msg=name, **CLOSE)
        assert rank[kind]["metrics"] == pytest.approx(alone["metrics"], rel=1e-4)
        assert rank[kind]["again"] == pytest.approx(alone["again"], rel=1e-4)
    assert ranks[0][kind]["losses"] == pytest.approx(alone["losses"], rel=1e-4)
    assert ranks[0][kind]["epochs"] == alone["epochs"] == [53] * 3


def test_an_evaluation_is_reduced_in_one_call(ranks: list[Any]) -> None:
    assert [rank["FastLoader"]["calls"] for rank in ranks] == [1, 1]


def test_only_the_first_rank_reports(ranks: list[Any]) -> None:
    assert ranks[0]["FastLoader"]["records"] > 0 == ranks[1]["FastLoader"]["records"]


def test_a_rank_without_batches_does_not_count_one_twice(ranks: list[Any]) -> None:
    assert ranks[0]["norms"] == 2


def test_nan_on_one_rank_stops_both_and_names_its_samples(ranks: list[Any]) -> None:
    told = [rank["poisoned"] for rank in ranks]
    # Without shuffling, rank 1 has the odd samples: 1, 3, 5, 7 first.
    assert "in epoch 0, batch 0: samples [1, 3, 5, 7]" in told[1]
    assert "not finite on another rank than 0" in told[0]


def test_ranks_that_sigterm_reaches_at_different_batches_stop_and_go_on_together(
    ranks: list[Any],
) -> None:
    for rank in ranks:
        first, second = rank["stopped"]["parts"]
        assert len(first) == 4  # the whole second step, on both
        assert first + second == rank["stopped"]["whole"]


def test_gradients_are_exchanged_once_a_step(ranks: list[Any]) -> None:
    for rank in ranks:
        assert rank["exchanges"] == [False, False, True, False, True]


def test_a_model_is_compiled_before_it_is_wrapped_for_the_ranks(ranks: list[Any]) -> None:
    """DDP around the compiled model: its hooks stay outside of the graph."""
    for rank in ranks:
        assert rank["compiled"] == ["DistributedDataParallel", "OptimizedModule"]


def test_more_ranks_go_on_in_an_epoch_with_whole_steps(ranks: list[Any]) -> None:
    """Of 80 samples 32 are done: a step of four batches of each rank, and one of what is left."""
    assert ranks[0]["begun by one"]["between steps"] == [32, 16]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("within a step", r"holds 2 batches of a step that 1 process began; found 2 processes, "),
        (
            "a list",
            r"is from within an epoch that 1 process began; found 2 processes, and a loader",
        ),
        ("a DataLoader", r"is from within an epoch that 1 process began; found 2 processes, and"),
    ],
)
def test_more_ranks_refuse_what_each_of_them_would_count(
    ranks: list[Any], kind: str, said: str
) -> None:
    for rank in ranks:
        told = rank["begun by one"][kind]
        assert isinstance(told, str)
        assert re.search(f"^the checkpoint {said}", told)
        assert "go on with 1 process, " in told and "\n" not in told

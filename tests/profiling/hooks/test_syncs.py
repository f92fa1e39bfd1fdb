"""Waits for the GPU are found by file and line, counted and timed."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch

from fastdata import Profiler
from fastdata.profiling.clocks.syncs import MOST_SITES, SyncCensus
from fastdata.profiling.hooks.syncing import INNER, install_syncing


@pytest.fixture
def census() -> Iterator[SyncCensus]:
    """Takes the CPU for the device that is waited for, which is wherever tensors lie."""
    made = SyncCensus(INNER)
    with ExitStack() as undo:
        install_syncing(made, undo, device="cpu")
        yield made


def own_line() -> int:
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return frame.f_back.f_lineno


def test_a_value_read_back_is_counted_at_its_line(census: SyncCensus) -> None:
    loss = torch.ones(3).sum()
    for _ in range(4):
        loss.item(); line = own_line()  # fmt: skip  # noqa: E702
    ((place, count, seconds),) = census.rows()
    assert place == (__file__, line, "Tensor.item")
    assert count == 4 and seconds > 0


@pytest.mark.parametrize(
    ("call", "read"),
    [
        ("Tensor.__bool__", lambda tensor: bool((tensor > 0).all())),
        ("Tensor.__float__", lambda tensor: float(tensor.sum())),
        ("Tensor.tolist", lambda tensor: tensor.tolist()),
        ("Tensor.nonzero", lambda tensor: tensor.nonzero()),
        ("torch.nonzero", lambda tensor: torch.nonzero(input=tensor)),
        ("Tensor.to to the CPU", lambda tensor: tensor.to("meta")),
    ],
)
def test_each_way_of_waiting_is_one_wait(census: SyncCensus, call: str, read: Any) -> None:
    read(torch.ones(3))
    assert [(place.call, count) for place, count, _ in census.rows()] == [(call, 1)]


def test_what_is_only_queued_is_no_wait(census: SyncCensus) -> None:
    tensor = torch.ones(3)
    tensor.to("meta", non_blocking=True)
    tensor.to(torch.float64)
    (tensor * 2).sum()
    assert census.rows() == []


def test_the_longest_waits_come_first_and_too_many_places_are_left_out() -> None:
    census = SyncCensus(())
    for number in range(MOST_SITES + 5):
        exec(compile("add('call', seconds)", f"file {number}", "exec"), {  # noqa: S102
            "add": census.add, "seconds": float(number),
        })  # fmt: skip
    rows = census.rows()
    assert len(rows) == MOST_SITES
    assert rows[0][2] == MOST_SITES - 1


def test_hooks_are_taken_away_again() -> None:
    before = torch.Tensor.item, torch.nonzero, torch.cuda.synchronize
    with ExitStack() as undo:
        install_syncing(SyncCensus(INNER), undo)
        assert torch.Tensor.item is not before[0]
    assert (torch.Tensor.item, torch.nonzero, torch.cuda.synchronize) == before


def train(device: str) -> Profiler:
    model = torch.nn.Linear(4, 1).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Profiler(warmup=1) as profiler:
        for _ in range(6):
            loss = model(torch.ones(2, 4).to(device)).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            time.sleep(0.001)
            loss.item()
    return profiler


def test_without_a_gpu_the_profile_says_that_nothing_was_counted() -> None:
    profile = train("cpu").report()
    assert profile.syncs is None
    assert any("no GPU was used" in note for note in profile.notes)


@pytest.mark.needs_gpu
def test_a_gpu_that_is_waited_for_is_told_with_its_lines() -> None:
    profile = train("cuda").report()
    assert profile.syncs is not None
    found = {(Path(site.file).name, site.call): site.count for site in profile.syncs}
    assert found[Path(__file__).name, "Tensor.item"] == 6
    assert found[Path(__file__).name, "Tensor.to from pageable memory"] == 6

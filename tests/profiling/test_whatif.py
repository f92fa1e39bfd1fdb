"""What a profile predicts is what happens when it is done."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from fastdata import Profiler
from fastdata.profiling import Profile
from fastdata.profiling.record import WhatIf
from fastdata.profiling.selfcheck.known import train_known
from fastdata.profiling.selfcheck.sleepers import Delays, SlowModel, SlowOptimizer


def predicted(what_ifs: tuple[WhatIf, ...], name: str) -> WhatIf:
    (found,) = (one for one in what_ifs if one.name == name)
    assert found.kind == "modelled"
    return found


@pytest.mark.parametrize("workers", [0, 1])
def test_more_workers_do_what_was_predicted_of_them(workers: int) -> None:
    delays = Delays(decode=0.08, forward=0.02)
    before = train_known(delays, workers=workers, steps=20).profile
    more = max(1, 2 * workers)
    words = {1: "1 worker", 2: "2 workers"}[more]
    what_if = predicted(before.what_if, f"with {words} instead of {workers}")
    after = train_known(delays, workers=more, steps=20).profile
    assert after.wall_seconds is not None and before.wall_seconds is not None
    assert what_if.step_seconds.low * 0.95 <= after.wall_seconds <= what_if.step_seconds.high
    assert after.wall_seconds < before.wall_seconds - 0.01


def test_a_batch_that_is_there_and_a_warm_cache() -> None:
    before = train_known(Delays(read=0.06, decode=0.02, forward=0.01), workers=1, steps=20).profile
    there = predicted(before.what_if, "with the whole batch already there").step_seconds
    assert 0.005 <= there.low < 0.025 and there.high < 0.04
    warm = predicted(before.what_if, "with a warm cache").step_seconds
    after = train_known(Delays(decode=0.02, forward=0.01), workers=1, steps=20).profile
    assert after.wall_seconds is not None and warm.low * 0.9 <= after.wall_seconds <= warm.high


def test_a_run_that_computes_has_nothing_to_gain() -> None:
    profile = train_known(Delays(forward=0.05), workers=1, steps=20).profile
    there = predicted(profile.what_if, "with the whole batch already there").step_seconds
    assert profile.step_seconds is not None
    assert there.median == pytest.approx(profile.step_seconds.median, rel=0.1)


def test_a_few_steps_that_were_held_up_make_no_prediction_worse_than_now() -> None:
    model = SlowModel(Delays())
    optimizer = SlowOptimizer(model, Delays())
    with Profiler(warmup=0) as profiler:
        for number, value in enumerate(DataLoader(Sleeping(0.002), batch_size=1)):
            model(value.float().view(1)).backward()
            optimizer.step()
            if number % 10 == 9:
                time.sleep(0.3)
            if number == 40:
                break
    there = predicted(profiler.report().what_if, "with the whole batch already there")
    assert there.step_seconds.median < there.now_seconds


class Sleeping(Dataset[Any]):
    """Samples that take their time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __len__(self) -> int:
        return 600

    def __getitem__(self, index: int) -> float:
        time.sleep(self.seconds)
        return float(index)


def train_replayed(seconds: float, *, workers: int = 1) -> tuple[Profile, list[float]]:
    """Steps of 10 ms; which batches they got."""
    model = SlowModel(Delays(forward=0.01))
    optimizer = SlowOptimizer(model, Delays())
    got = []
    with Profiler(warmup=2, steps=12, replay=15) as profiler:
        loader = DataLoader(Sleeping(seconds), batch_size=None, num_workers=workers)
        for value in itertools.islice(loader, 50):
            got.append(value)
            model(torch.tensor([value])).backward()
            optimizer.step()
    return profiler.report(), got


@pytest.mark.parametrize("workers", [0, 1])
def test_a_replayed_batch_costs_nothing(workers: int) -> None:
    profile, got = train_replayed(0.03, workers=workers)
    alone, beside = (one for one in profile.what_if if one.kind == "measured")
    assert alone.name == "with the whole batch already there"
    assert beside.name == "with the whole batch already there, beside a running loader"
    assert 0.01 <= alone.step_seconds.median < 0.025
    assert 0.01 <= beside.step_seconds.median < 0.025
    assert sum(one.name == alone.name for one in profile.what_if) == 1
    # 2 + 12 as they are, 30 times the same one, then new ones again: no step is lost.
    assert (profile.steps, len(got)) == (12, 50)
    assert got[:14] == list(range(14)) and got[13:44] == [13.0] * 31
    assert sorted(set(got[44:])) == got[44:] and got[44] > 13
    assert profile.exposed_share is not None and profile.exposed_share > 0.5


def test_without_being_asked_for_nothing_is_replayed() -> None:
    profile = train_known(Delays(decode=0.01), workers=1, steps=10).profile
    assert {one.kind for one in profile.what_if} == {"modelled"}

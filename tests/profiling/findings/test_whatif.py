"""What a profile predicts is what happens when it is done."""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import random
import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from fastdata import Profiler
from fastdata.profiling.record import WhatIf
from fastdata.profiling.selfcheck.known import train_known
from fastdata.profiling.selfcheck.sleepers import Delays, SlowModel, SlowOptimizer

pytestmark = pytest.mark.asleep

READY = "with the whole batch already there"


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
    known = train_known(Delays(read=0.06, decode=0.02, forward=0.01), workers=1, steps=20)
    before = known.profile
    there = predicted(before.what_if, READY).step_seconds
    # Without a core lacking, a step is the sleep of 10 ms; no more than it was measured to be.
    assert 0.009 <= there.low <= known.step_seconds + 0.005 and there.high < 0.04
    warm = predicted(before.what_if, "with a warm cache").step_seconds
    after = train_known(Delays(decode=0.02, forward=0.01), workers=1, steps=20).profile
    assert after.wall_seconds is not None and warm.low * 0.9 <= after.wall_seconds <= warm.high


def test_a_run_that_computes_has_nothing_to_gain() -> None:
    profile = train_known(Delays(forward=0.05), workers=1, steps=20).profile
    there = predicted(profile.what_if, READY).step_seconds
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
    there = predicted(profiler.report().what_if, READY)
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


class Noted(Dataset[Any]):
    """Samples of an index and the seconds that it took, more of them when first read.

    Args:
        first: Seconds to sleep when an index was not read before, in any process.
        always: Seconds to sleep each time.
    """

    def __init__(self, *, first: float = 0.0, always: float = 0.0) -> None:
        self.first = first
        self.always = always
        self.was_read = torch.zeros(2_000, dtype=torch.bool).share_memory_()

    def __len__(self) -> int:
        return len(self.was_read)

    def __getitem__(self, index: int) -> tuple[int, float]:
        start = time.perf_counter()
        time.sleep(self.always + (0.0 if self.was_read[index] else self.first))
        self.was_read[index] = True
        return index, time.perf_counter() - start


class Tried:
    """A training under replay, with what it saw itself.

    Attributes:
        profile: Of it.
        got: Index of the sample of each step.
        making: Seconds that each sample took.
        computing: Median seconds of a step without its fetch.
    """

    def __init__(
        self, dataset: Noted, *, workers: int, steps: int, replay: int, total: int | None = None
    ) -> None:
        model = SlowModel(Delays(forward=0.01))
        optimizer = SlowOptimizer(model, Delays())
        self.got: list[int] = []
        self.making: list[float] = []
        computing = []
        total = total or 2 + steps + 3 * replay
        with Profiler(warmup=2, steps=steps, replay=replay) as profiler:
            loader = DataLoader(dataset, batch_size=None, num_workers=workers)
            for index, seconds in itertools.islice(loader, total):
                start = time.perf_counter()
                self.got.append(index)
                self.making.append(seconds)
                model(torch.tensor([float(index)])).backward()
                optimizer.step()
                computing.append(time.perf_counter() - start)
        self.profile = profiler.report()
        self.computing = statistics.median(computing)

    def measured(self, name: str) -> WhatIf:
        """The only what-if of this name."""
        (found,) = (one for one in self.profile.what_if if one.name == name)
        assert found.kind == "measured"
        return found


@pytest.mark.parametrize("workers", [0, 1])
def test_a_replayed_batch_costs_nothing(workers: int) -> None:
    tried = Tried(Noted(always=0.03), workers=workers, steps=12, replay=15, total=80)
    for name in (READY, f"{READY}, beside a running loader"):
        # The other 20 ms would be those that a batch takes.
        step = tried.measured(name).step_seconds.median
        assert step == pytest.approx(tried.computing, abs=0.005)
    got = tried.got
    # 2 + 12 as they are, 15 times the same one, 15 others, these again, the same one, new ones.
    assert (tried.profile.steps, len(got)) == (12, 80)
    assert got[:14] == list(range(14)) and got[13:29] == [13] * 16
    assert got[29:44] == got[44:59] == list(range(got[29], got[29] + 15)) and got[29] > 13
    assert got[59:74] == [13] * 15 and sorted(set(got[74:])) == got[74:]
    assert not {*got[74:]} & {*got[:74]}
    assert tried.profile.exposed_share is not None and tried.profile.exposed_share > 0.5


@pytest.mark.parametrize("workers", [0, 1])
def test_more_workers_are_measured_as_what_they_then_take(workers: int) -> None:
    more = max(1, 2 * workers)
    words = {1: "1 worker", 2: "2 workers"}[more]
    tried = Tried(Noted(always=0.06), workers=workers, steps=10, replay=24)
    found = tried.measured(f"with {words} instead of {workers}")
    making = statistics.median(tried.making[12 + 24 : 12 + 48])
    assert found.step_seconds.median == pytest.approx(making / more, rel=0.1)
    # Nothing but the phase comes near: neither a step as it is nor one without its wait.
    assert found.now_seconds > 1.13 * found.step_seconds.median > 2 * tried.computing
    real = Tried(Noted(always=0.06), workers=more, steps=24, replay=0, total=26).profile
    assert real.wall_seconds is not None
    assert found.step_seconds.median == pytest.approx(real.wall_seconds, rel=0.1)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_warm_cache_is_measured_on_samples_just_read(workers: int) -> None:
    # Far from what a step computes in: where both are alike, each waits for the other's delays.
    dataset = Noted(first=0.08, always=0.05)
    tried = Tried(dataset, workers=workers, steps=10, replay=18, total=90)
    found = tried.measured("with a warm cache")
    making = statistics.median(tried.making[12 + 36 : 12 + 54])
    assert 0.05 <= making < 0.08
    expected = max(tried.computing, making / workers) if workers else tried.computing + making
    assert found.step_seconds.median == pytest.approx(expected, rel=0.2)
    assert found.now_seconds > 1.5 * found.step_seconds.median


class Stream(IterableDataset[Any]):
    """Numbers without end."""

    def __iter__(self) -> Iterator[float]:
        for number in itertools.count():
            time.sleep(0.02)
            yield float(number)


@pytest.mark.parametrize("kind", ["stream", "generator", "short"])
def test_what_cannot_be_tried_stays_modelled_and_says_why(kind: str) -> None:
    model = SlowModel(Delays(forward=0.005))
    optimizer = SlowOptimizer(model, Delays())
    with Profiler(warmup=2, steps=10, replay=8) as profiler:
        loader: Any = DataLoader(Stream(), batch_size=None, num_workers=1)
        if kind != "stream":
            loader = DataLoader(Sleeping(0.02), batch_size=None, num_workers=1)
        batches = profiler.watch(x for x in loader) if kind == "generator" else loader
        for value in itertools.islice(batches, 14 if kind == "short" else 60):
            model(torch.tensor([float(value)])).backward()
            optimizer.step()
    report = profiler.report()
    found = [one for one in report.what_if if one.name == "with 2 workers instead of 1"]
    if kind == "generator":
        assert not found  # no loader is known whose workers could be more
        return
    why = {
        "stream": "the samples of an IterableDataset cannot be chosen",
        "short": "too few steps were left for it",
    }[kind]
    assert [one.kind for one in found] == ["modelled"]
    assert found[0].how.endswith(f"; not measured: {why}")


def test_trying_draws_no_random_numbers_and_leaves_no_worker() -> None:
    before = set(multiprocessing.active_children())

    def drawn(replay: int) -> list[Any]:
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)
        Tried(Noted(always=0.005), workers=1, steps=5, replay=replay, total=30)
        gc.collect()
        assert set(multiprocessing.active_children()) <= before
        return [torch.rand(1).item(), random.random(), np.random.rand()]

    assert drawn(0) == drawn(7) == drawn(5)


def test_without_being_asked_for_nothing_is_replayed() -> None:
    profile = train_known(Delays(decode=0.01), workers=1, steps=10).profile
    assert {one.kind for one in profile.what_if} == {"modelled"}

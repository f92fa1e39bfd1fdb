"""What-ifs of a FastLoader, tried beside it while it rests and left as it was."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engines_here import needs_dali
from torch.utils.data import Dataset, SequentialSampler

from fastdata import FastLoader, Profiler
from fastdata.engines.maker import PackMaker
from fastdata.loader.order import epoch_order
from fastdata.packs import create_pack
from fastdata.profiling.record import Profile, WhatIf
from fastdata.profiling.selfcheck.sleepers import Delays, SlowModel, SlowOptimizer
from fastdata.schema import Image, Label, Schema

pytestmark = pytest.mark.asleep

SAMPLES, BATCH, SEED = 160, 4, 3
WARMUP, STEPS, REPLAY = 2, 12, 12
TRIED = WARMUP + STEPS
MAKING = 0.04
MORE, WARM = "with 2 threads instead of 1", "with a warm cache"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEGs of noise, whose labels are their indices."""
    path = tmp_path_factory.mktemp("packs") / "noise.lmdb"
    random = np.random.default_rng(1)
    with create_pack(path, Schema({"image": Image(codec="jpeg"), "label": Label()})) as writer:
        for label in range(SAMPLES):
            writer.add(image=random.integers(0, 256, (160, 160, 3), np.uint8), label=label)
    return path


class Run:
    """A training under replay, with what it saw itself.

    Attributes:
        profile: Of it.
        got: Labels of each step's batch.
        seconds: Of each step.
        states: The loader's after each.
        producers: Threads of its name that were there at each.
        devices: On which labels were.
    """

    def __init__(self, loader: FastLoader, *, total: int = TRIED + 4 * REPLAY) -> None:
        model = SlowModel(Delays(forward=0.002))
        optimizer = SlowOptimizer(model, Delays())
        self.got: list[list[int]] = []
        self.seconds: list[float] = []
        self.states: list[dict[str, Any]] = []
        self.producers: list[int] = []
        self.devices: set[str] = set()
        with Profiler(warmup=WARMUP, steps=STEPS, replay=REPLAY) as profiler:
            start = time.perf_counter()
            for batch in self.batches(loader, total):
                label = batch["label"] if isinstance(batch, dict) else batch[1]
                model(label[:1].float().cpu()).backward()
                optimizer.step()
                self.got.append(label.tolist())
                self.devices.add(label.device.type)
                now = time.perf_counter()
                self.seconds.append(now - start)
                start = now
                self.states.append(loader.state_dict())
                names = [thread.name for thread in threading.enumerate()]
                self.producers.append(names.count("fastdata-producer"))
        self.profile = profiler.report()

    @staticmethod
    def batches(loader: FastLoader, total: int) -> Iterator[Any]:
        for number, batch in enumerate(loader, 1):
            yield batch
            if number == total:
                return

    def tried(self, phase: int) -> slice:
        """The steps of a phase, counted from 0."""
        return slice(TRIED + phase * REPLAY, TRIED + (phase + 1) * REPLAY)


def measured(profile: Profile, name: str) -> WhatIf:
    (found,) = (one for one in profile.what_if if one.name == name)
    assert found.kind == "measured", found.how
    return found


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, ...], list[int]]:
    """Threads with which each batch of indices was made, by and by; it takes them 40 ms more."""
    found: dict[tuple[int, ...], list[int]] = {}
    make = PackMaker.make

    def noting(self: PackMaker, task: Any, resources: Any) -> Any:
        found.setdefault(tuple(task.indices.tolist()), []).append(resources.threads)
        time.sleep(MAKING / resources.threads)
        return make(self, task, resources)

    monkeypatch.setattr(PackMaker, "make", noting)
    return found


def test_more_threads_and_a_warm_cache_are_measured_over_a_pack(
    pack: Path, made: dict[tuple[int, ...], list[int]]
) -> None:
    before = torch.get_rng_state()
    run = Run(FastLoader(pack, BATCH, shuffle=True, seed=SEED, num_workers=1))
    assert torch.equal(torch.get_rng_state(), before)
    order = epoch_order(SAMPLES, shuffle=True, seed=SEED, epoch=0).reshape(-1, BATCH).tolist()
    assert run.got[:TRIED] == order[:TRIED]
    # What the pass has not come to, made by two threads, and again by the one that there was.
    tried = run.got[run.tried(1)]
    assert tried == run.got[run.tried(2)] and [order.index(batch) for batch in tried] == list(
        range(order.index(tried[0]), order.index(tried[0]) + REPLAY)
    )
    assert order.index(tried[0]) > TRIED + 2
    for batch in tried:
        assert made[tuple(batch)][:2] == [2, 1]
    # A step waits for its batch: what is slept for it, and what it takes to decode it.
    found = {name: measured(run.profile, name).step_seconds.median for name in (MORE, WARM)}
    now = measured(run.profile, MORE).now_seconds
    assert MAKING < now and MAKING / 2 < found[MORE] < 0.85 * now
    assert MAKING < found[WARM] == pytest.approx(now, rel=0.25)
    for name, phase in ((MORE, 1), (WARM, 2)):
        own = statistics.median(run.seconds[run.tried(phase)])
        assert found[name] == pytest.approx(own, rel=0.25)


def test_the_pass_is_left_as_it_was(pack: Path, made: dict[tuple[int, ...], list[int]]) -> None:
    loader = FastLoader(pack, BATCH, shuffle=True, seed=SEED, num_workers=1)
    run = Run(loader, total=TRIED + 3 * REPLAY)
    assert {state["consumed"] for state in run.states[TRIED - 1 :]} == {TRIED * BATCH}
    assert {state["epoch"] for state in run.states} == {0} and loader.skipped == ()
    # One thread beside the pass's own in each phase; the last one ends with the run.
    assert set(run.producers[run.tried(1)]) == set(run.producers[run.tried(2)]) == {2}
    assert set(run.producers[:TRIED]) == {1}
    assert [thread.name for thread in threading.enumerate()].count("fastdata-producer") == 0
    # Batches of the trial are in no lane.
    tried = {tuple(batch) for batch in run.got[run.tried(1)]}
    own = [batch for batch in made if batch not in tried and made[batch] == [1]]
    (lane,) = run.profile.workers.lanes
    assert TRIED <= lane.batches <= len(own)
    rest = FastLoader(pack, BATCH, shuffle=True, seed=SEED)
    rest.load_state_dict(run.states[-1])
    seen = Counter(label for batch in run.got[:TRIED] for label in batch)
    assert seen + Counter(label for _, labels in rest for label in labels.tolist()) == Counter(
        range(SAMPLES)
    )


def test_batches_of_a_sampler_are_taken_away_from_it(pack: Path) -> None:
    sampler = SequentialSampler(range(SAMPLES))
    loader = FastLoader(pack, BATCH, sampler=sampler, num_workers=1)
    run = Run(loader, total=TRIED + 3 * REPLAY)
    measured(run.profile, MORE)
    tried = run.got[run.tried(1)]
    assert tried == run.got[run.tried(2)]
    # What was made ahead for the trial counts as gone through as well.
    ahead = run.states[-1]["batches"]
    assert TRIED + REPLAY < ahead <= TRIED + REPLAY + 4
    assert max(label for batch in tried for label in batch) < ahead * BATCH + 2 * BATCH


class Pictures(Dataset[Any]):
    """Samples that take 20 ms, twice that when they are first read in any process."""

    def __init__(self) -> None:
        self.was_read = torch.zeros(SAMPLES, dtype=torch.bool).share_memory_()

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        time.sleep(0.02 if self.was_read[index] else 0.04)
        self.was_read[index] = True
        return torch.ones(1), index


def test_more_workers_and_a_warm_cache_are_measured_over_a_dataset() -> None:
    loader = FastLoader(Pictures(), 2, shuffle=True, seed=SEED, num_workers=1)
    run = Run(loader, total=TRIED + 3 * REPLAY)
    assert run.profile.step_seconds is not None
    now = run.profile.step_seconds.median
    more = measured(run.profile, "with 2 workers instead of 1").step_seconds.median
    warm = measured(run.profile, WARM).step_seconds.median
    # 80 ms a batch, by two workers half of it; 40 ms where it was read before.
    assert more == pytest.approx(now / 2, rel=0.15) and warm == pytest.approx(now / 2, rel=0.15)
    assert run.got[run.tried(1)] == run.got[run.tried(2)]
    assert run.states[-1]["consumed"] == TRIED * 2


@pytest.mark.parametrize("sampler", [None, SequentialSampler(range(SAMPLES))])
def test_what_is_only_gathered_takes_no_more_threads(sampler: Any) -> None:
    arrays = {"value": np.arange(SAMPLES), "label": np.arange(SAMPLES)}
    loader = FastLoader(arrays, BATCH, sampler=sampler, num_workers=1)
    run = Run(loader, total=TRIED + 3 * REPLAY)
    measured(run.profile, WARM)
    assert not [one for one in run.profile.what_if if "instead of" in one.name]
    assert run.got[run.tried(1)] == run.got[run.tried(2)] != run.got[run.tried(0)]


@pytest.mark.needs_gpu
def test_what_is_tried_is_on_the_gpu_as_all_batches_are(pack: Path) -> None:
    loader = FastLoader(pack, BATCH, seed=SEED, num_workers=1, engine="cpu", device="cuda")
    run = Run(loader, total=TRIED + 3 * REPLAY)
    for name in (MORE, WARM):
        measured(run.profile, name)
    assert run.devices == {"cuda"} and run.got[run.tried(1)] == run.got[run.tried(2)]


@needs_dali
def test_dali_says_why_it_is_not_tried(pack: Path) -> None:
    loader = FastLoader(pack, BATCH, seed=SEED, num_workers=1, engine="dali")
    run = Run(loader, total=TRIED + 2 * REPLAY)
    found = [one for one in run.profile.what_if if one.name == MORE]
    assert [one.kind for one in found] == ["modelled"]
    assert found[0].how.endswith(
        "not measured: a second pipeline of DALI would take memory and decoders from the first"
    )

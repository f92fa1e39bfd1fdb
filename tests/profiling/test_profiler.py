"""`fastdata.Profiler` around loops of one's own."""

from __future__ import annotations

import gc
import io
import pickle
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import NotedLoss, batches, network, trainer
from torch import nn
from torch.utils.data import DataLoader

from fastdata import FastDataError, Profiler
from fastdata.profiling import Profile
from fastdata.profiling.hooks.staging import STAGES
from fastdata.profiling.recorders.recorder import current


def train(profiler: Profiler, loader: Any, *, calls_step: bool = True, work: float = 0.0) -> None:
    net = nn.Linear(8, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    for values in profiler.watch(loader):
        time.sleep(work)
        net(values).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        if calls_step:
            profiler.step()


class Slowly:
    """Any iterable of batches, slow to give each."""

    def __init__(self, count: int, seconds: float) -> None:
        self.count, self.seconds = count, seconds

    def __iter__(self) -> Iterator[torch.Tensor]:
        for _ in range(self.count):
            time.sleep(self.seconds)
            yield torch.ones(4, 8)


@pytest.mark.parametrize("calls_step", [True, False])
def test_any_iterable_of_batches_can_be_watched(calls_step: bool) -> None:
    with Profiler(warmup=3) as profiler:
        train(profiler, Slowly(23, 0.01), calls_step=calls_step)
    profile = profiler.report()
    assert 18 <= profile.steps <= 20 and profile.samples_per_step == 4
    assert profile.loader is not None and profile.loader.kind == "Slowly"
    assert profile.rows["exposed_data_wait"] >= 0.01
    assert profile.verdict.kind == "data-bound"
    assert profile.rows["forward"] > 0 and profile.rows["backward"] > 0


def test_a_dataloader_is_seen_without_being_watched() -> None:
    profiler = Profiler(warmup=0)
    net = nn.Linear(8, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    with profiler:
        for _ in range(3):
            for values in DataLoader(list(torch.ones(40, 8)), batch_size=2):  # type: ignore[arg-type]
                net(values).sum().backward()
                optimizer.step()
    profile = profiler.report()
    assert 54 <= profile.steps <= 57 and profile.start.epochs == 3
    assert profile.loader is not None and profile.loader.samples == 40
    (lane,) = profile.workers.lanes
    assert (lane.kind, lane.batches, lane.samples) == ("main", 60, 120)


def test_everything_is_as_before_when_it_ends() -> None:
    from torch.optim import optimizer as module

    def state() -> list[Any]:
        return [
            nn.Module.__call__,
            torch.autograd.backward,
            DataLoader.__iter__,
            open,
            len(module._global_optimizer_pre_hooks),
            "to" in vars(torch.Tensor),
        ]

    before = state()
    with pytest.raises(ZeroDivisionError), Profiler():
        assert state() != before
        raise ZeroDivisionError
    assert state() == before and current() is None


def test_what_it_has_watched_goes_on_after_its_end_and_is_not_kept() -> None:
    source = (torch.ones(1) * number for number in range(4))
    kept = weakref.ref(source)
    with Profiler(replay=1) as profiler:
        watched = iter(profiler.watch(source))
        first = next(watched)
    assert [first, next(watched), next(watched)] == [0.0, 1.0, 2.0]
    del watched, source
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("is_laid", [True, False])
def test_what_stands_in_the_place_of_open_can_be_pickled(is_laid: bool, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text", encoding="utf-8")
    with Profiler():
        STAGES.lay(is_laid)
        sent = [pickle.dumps(one) for one in (open, io.open)]
    for one in sent:
        with pickle.loads(one)(path, encoding="utf-8") as file:  # noqa: S301
            assert file.read() == "text"


def test_before_and_after_it_says_what_to_do() -> None:
    profiler = Profiler()
    with pytest.raises(FastDataError, match="inside 'with Profiler"):
        profiler.report()
    with pytest.raises(FastDataError, match="is not running"):
        profiler.step()
    with profiler:
        pass
    assert profiler.report().verdict.kind == "INCOMPLETE"
    with pytest.raises(FastDataError, match="is not running"):
        profiler.watch([])


def test_a_trainer_inside_is_profiled_as_it_is() -> None:
    with Profiler(warmup=2) as profiler:
        trainer(network(), NotedLoss()).fit(batches(*[3] * 20))
    profile: Profile = profiler.report()
    assert 16 <= profile.steps <= 18
    assert profile.rows["forward"] > 0 and profile.rows["optimizer"] > 0


@pytest.mark.needs_gpu
def test_on_a_gpu_a_late_loader_is_hidden_by_long_steps() -> None:
    """The loader takes 20 ms, the GPU about 100: its wait is covered."""
    device = torch.device("cuda")
    net = nn.Linear(8192, 8192, device=device)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-9)
    with Profiler(warmup=5) as profiler:
        for _ in profiler.watch(Slowly(40, 0.02)):
            values = torch.ones(8192, 8192, device=device)
            for _ in range(20):
                values = net(values)
            values.sum().backward()
            optimizer.step()
        torch.cuda.synchronize()
        # Marks that the GPU has reached are read with the next step.
        optimizer.step()
    profile = profiler.report()
    assert profile.clock == "cuda" and profile.steps >= 10
    assert profile.exposed_share is not None and profile.exposed_share < 0.05
    assert profile.hidden_share is not None and profile.hidden_share > 0

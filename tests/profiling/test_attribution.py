"""Whose time is whose, in loops of every shape; waits are sleeps of known length."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
import torch
from attributed import SLEPT, WAIT, Slow, Stream, assert_waits, learn, profiled
from torch import nn
from torch.utils.data import DataLoader, random_split

from fastdata import Profiler
from fastdata.profiling.selfcheck.known import median_rows


@pytest.mark.parametrize("dataset", [Slow(), Stream()], ids=["map", "stream"])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_plain_loop(dataset: Any, workers: int) -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for values in DataLoader(dataset, num_workers=workers):
            learn(net, optimizer, values)

    profile = profiled(run)
    assert_waits(profile, steps=22)
    (lane,) = profile.workers.lanes
    assert (lane.kind, lane.batches) == ("process" if workers else "main", 24)
    # Page faults may put a stage of theirs before it.
    longest = max(stage.seconds_per_batch for stage in lane.stages)
    assert lane.samples == 24 and longest >= WAIT


def test_persistent_workers_go_on_in_their_lane() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        loader = DataLoader(Slow(), num_workers=2, persistent_workers=True)
        for _ in range(2):
            for values in loader:
                learn(net, optimizer, values)

    profile = profiled(run)
    assert profile.start.epochs == 2 and profile.steps == 24 + 24 - 2 - 1
    assert [lane.batches for lane in profile.workers.lanes] == [24, 24]
    assert profile.workers.ready_share is not None


def test_workers_that_start_anew_each_epoch_share_two_lanes() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        loader = DataLoader(Slow(8, 0.001), num_workers=2)
        for _ in range(4):
            for values in loader:
                learn(net, optimizer, values)

    profile = profiled(run)
    assert profile.start.epochs == 4
    assert [lane.batches for lane in profile.workers.lanes] == [16, 16]


def test_validation_between_steps_counts_for_itself() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        validation = DataLoader(Slow(6, 0.03))
        for number, values in enumerate(DataLoader(Slow())):
            learn(net, optimizer, values)
            if number % 8 == 7:
                with torch.no_grad():
                    for shown in validation:
                        net(shown)

    profile = profiled(run)
    # The last pass follows the last step, and belongs to none.
    assert profile.start.validation_passes == 2
    assert 2 * 6 * 0.03 <= profile.start.validation_seconds < 0.5
    assert_waits(profile, steps=22)
    assert profile.loader is not None and profile.loader.samples == 24


def test_workers_of_validation_are_not_those_of_training() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        validation = DataLoader(Slow(6, 0.001), num_workers=1)
        for number, values in enumerate(DataLoader(Slow(24, 0.001), num_workers=1)):
            learn(net, optimizer, values)
            if number == 12:
                with torch.no_grad():
                    for shown in validation:
                        net(shown)

    (lane,) = profiled(run).workers.lanes
    assert lane.batches == 24


def test_accumulated_batches_are_one_step() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for number, values in enumerate(DataLoader(Slow())):
            SLEPT.append(values[0, 0].item())
            net(values).sum().backward()
            if number % 4 == 3:
                optimizer.step()

    profile = profiled(run)
    assert_waits(profile, steps=4, batches=4)
    assert profile.samples_per_step == 4


def test_a_step_that_the_gradient_scaler_leaves_out_is_a_step() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        scaler = torch.amp.GradScaler("cpu")
        for number, values in enumerate(DataLoader(Slow())):
            factor = float("inf") if number % 2 else 1.0
            SLEPT.append(values[0, 0].item())
            scaler.scale(net(values).sum() * factor).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()

    assert_waits(profiled(run), steps=22)


def test_two_optimizers_make_one_step_of_a_batch() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        other = nn.Linear(8, 2)
        second = torch.optim.Adam(other.parameters())
        for values in DataLoader(Slow()):
            learn(net, optimizer, values)
            learn(other, second, values)

    assert_waits(profiled(run), steps=22)


def test_an_optimizer_that_calls_the_model_itself() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for values in DataLoader(Slow()):
            SLEPT.append(values[0, 0].item())

            def closure(values: torch.Tensor = values) -> float:
                optimizer.zero_grad()
                time.sleep(0.01)
                loss = net(values).sum()
                loss.backward()
                return loss.item()

            optimizer.step(closure)

    profile = profiled(run)
    assert_waits(profile, steps=22)
    assert profile.rows["optimizer"] >= 0.01 > profile.rows["forward"] > 0


def test_a_step_that_raises_is_left_behind() -> None:
    class Sometimes(torch.optim.SGD):
        calls = 0

        def step(self, closure: Any = None) -> Any:
            self.calls += 1
            if self.calls % 4 == 0:
                raise RuntimeError("a bad batch")
            return super().step(closure)

    def run(net: nn.Module, _optimizer: torch.optim.Optimizer) -> None:
        optimizer = Sometimes(net.parameters(), lr=0.01)
        for values in DataLoader(Slow()):
            try:
                learn(net, optimizer, values)
            except RuntimeError:
                continue

    profile = profiled(run)
    assert profile.steps == 16 and profile.rows["exposed_data_wait"] >= WAIT


def test_a_module_that_waits_to_be_loaded_still_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec("this")
    assert spec is not None and spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    lazy = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "this", lazy)
    spec.loader.exec_module(lazy)
    with Profiler():
        assert "s" not in object.__getattribute__(lazy, "__dict__")


def test_other_threads_and_waits_are_not_for_data() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        loader = DataLoader(Slow(24, 0.001))
        stop = threading.Event()
        other = threading.Thread(target=lambda: [stop.wait(0.001) or one for one in loader])
        other.start()
        for values in DataLoader(Slow(24, 0.001)):
            threading.Event().wait(0.02)
            learn(net, optimizer, values)
        stop.set()
        other.join()

    profile = profiled(run)
    rows = median_rows(profile)
    assert rows["exposed_data_wait"] < 0.01 and rows["residual"] >= 0.02


def test_a_compiled_model_is_one_forward() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        compiled = torch.compile(nn.Sequential(net, nn.ReLU()), backend="eager", fullgraph=True)
        for values in DataLoader(Slow()):
            learn(compiled, optimizer, values)

    assert_waits(profiled(run), steps=22)


def test_samples_of_a_part_of_a_dataset_are_timed_one_by_one() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        part, _ = random_split(Slow(100, 0.002), [80, 20])
        for values in DataLoader(part, batch_size=4, num_workers=1):
            learn(net, optimizer, values)

    (lane,) = profiled(run).workers.lanes
    assert (lane.batches, lane.samples) == (20, 80)


def test_without_a_training_step_nothing_is_concluded() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        with torch.no_grad():
            for values in DataLoader(Slow(5)):
                net(values)

    profile = profiled(run)
    assert profile.verdict.kind == "INCOMPLETE" and profile.exposed_share is None
    assert profile.rows == {} and profile.step_seconds is None


BURNER = "while True: pass"


def test_a_machine_whose_cores_others_have_is_contention() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for values in DataLoader(Slow(40, 0.0)):
            until = time.thread_time() + 0.02
            while time.thread_time() < until:
                pass
            learn(net, optimizer, values)

    burners = [
        subprocess.Popen([sys.executable, "-c", BURNER])
        for _ in range(3 * len(os.sched_getaffinity(0)))
    ]
    try:
        profile = profiled(run)
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    assert profile.verdict.kind == "contention"
    assert "waits for a core" in profile.verdict.sentence

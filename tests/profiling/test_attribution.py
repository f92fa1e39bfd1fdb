"""Whose time is whose, in loops of every shape; waits are sleeps of known length."""

from __future__ import annotations

import importlib.util
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, random_split

from fastdata import Profiler
from fastdata.profiling import Profile
from fastdata.profiling.selfcheck.known import median_rows

WAIT = 0.02


class Slow(Dataset[Any]):
    def __init__(self, count: int = 24, seconds: float = WAIT) -> None:
        self.count, self.seconds = count, seconds

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> torch.Tensor:
        return asleep(self.seconds)


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[torch.Tensor]:
        for _ in range(24):
            yield asleep(WAIT)


def asleep(seconds: float) -> torch.Tensor:
    """A sample whose values are how long its sleep really was: on a busy machine, longer."""
    start = time.perf_counter()
    time.sleep(seconds)
    return torch.full((8,), time.perf_counter() - start)


SLEPT: list[float] = []
"""Of the samples of each `learn`, how long they slept."""


def profiled(run: Callable[[nn.Module, torch.optim.Optimizer], None]) -> Profile:
    net = nn.Linear(8, 2)
    SLEPT.clear()
    with Profiler(warmup=2) as profiler:
        run(net, torch.optim.SGD(net.parameters(), lr=0.01))
    return profiler.report()


def learn(net: nn.Module, optimizer: torch.optim.Optimizer, values: torch.Tensor) -> None:
    SLEPT.append(values[0, 0].item())
    net(values).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def assert_waits(profile: Profile, *, steps: int, batches: int = 1) -> None:
    """The wait of a step is what the samples of its batches have slept, and little more."""
    assert profile.steps == steps
    rows = median_rows(profile)
    slept = batches * statistics.median(SLEPT)
    assert 0.9 * slept <= rows["exposed_data_wait"] < 1.1 * slept + 0.005 * batches
    assert rows["residual"] + rows["other_host_work"] < 0.01


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


class Handed:
    """Batches in a deque, under a Condition of its own."""

    def __init__(self, _size: int) -> None:
        self._batches: deque[Any] = deque()
        self._changed = threading.Condition()

    def put(self, batch: Any) -> None:
        with self._changed:
            self._batches.append(batch)
            self._changed.notify()

    def get(self) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: len(self._batches) > 0)
            return self._batches.popleft()


WAYS = {
    "queue": queue.Queue,
    "simple queue": lambda _size: queue.SimpleQueue(),
    "imported before torch": lambda _size: SimpleQueue(),
    "condition": Handed,
}


@pytest.mark.parametrize("begins_on_the_thread", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_a_background_thread_waits_for_itself(way: str, begins_on_the_thread: bool) -> None:
    """It makes a batch in 40 ms while a step of 20 ms runs: the step waits for 20."""

    def ahead(loader: Any) -> Iterator[torch.Tensor]:
        made = WAYS[way](3)
        batches = None if begins_on_the_thread else iter(loader)

        def load() -> None:
            for batch in loader if batches is None else batches:
                made.put(batch)
            made.put(None)

        thread = threading.Thread(target=load)
        thread.start()
        while (batch := made.get()) is not None:
            yield batch
        thread.join()

    computed: list[float] = []

    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for values in ahead(DataLoader(Slow(24, 0.04))):
            start = time.perf_counter()
            time.sleep(0.02)
            learn(net, optimizer, values)
            computed.append(time.perf_counter() - start)

    profile = profiled(run)
    assert profile.steps == 22
    rows, step = median_rows(profile), statistics.median(computed)
    expected = statistics.median(SLEPT) - step
    assert expected - 0.003 <= rows["exposed_data_wait"] < expected + 0.006
    assert 0.02 <= rows["residual"] <= step
    assert profile.loader is not None and profile.loader.samples == 24
    assert profile.verdict.kind == "data-bound"


def test_what_lay_ready_in_a_simple_queue_was_not_waited_for() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        made: queue.SimpleQueue[Any] = queue.SimpleQueue()
        thread = threading.Thread(
            target=lambda: [made.put(one) for one in DataLoader(Slow(24, 0.001))]
        )
        thread.start()
        for _ in range(24):
            time.sleep(0.02)
            learn(net, optimizer, made.get(timeout=60))
        thread.join()

    profile = profiled(run)
    assert profile.verdict.kind == "compute-bound"
    assert median_rows(profile)["exposed_data_wait"] < 0.001


def test_a_simple_queue_that_another_thread_fills_is_not_waited_on_for_data() -> None:
    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        made: queue.SimpleQueue[Any] = queue.SimpleQueue()
        told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        thread = threading.Thread(
            target=lambda: [made.put(one) for one in DataLoader(Slow(24, 0.001))]
        )
        other = threading.Thread(target=lambda: [time.sleep(0.02) or told.put(1) for _ in "a" * 24])
        thread.start()
        other.start()
        for _ in range(24):
            told.get()
            learn(net, optimizer, made.get())
        thread.join()
        other.join()

    rows = median_rows(profiled(run))
    assert rows["exposed_data_wait"] < 0.002 and rows["residual"] >= 0.015


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("begins_on_the_thread", [True, False])
def test_a_way_to_hand_over_that_cannot_be_seen_is_incomplete(
    begins_on_the_thread: bool, workers: int
) -> None:
    """With workers, the loading thread wakes others: the one that sends indices to them."""

    def run(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        made: deque[Any] = deque()
        loader = DataLoader(Slow(), num_workers=workers)
        batches = loader if begins_on_the_thread else iter(loader)
        thread = threading.Thread(target=lambda: made.extend(batches), name="ahead")
        thread.start()
        for _ in range(24):
            while not made:
                time.sleep(0.001)
            learn(net, optimizer, made.popleft())
        thread.join()

    profile = profiled(run)
    assert profile.verdict.kind == "INCOMPLETE"
    assert (
        "the thread 'ahead' takes the batches and hands them over by none of queue.Queue, "
        "queue.SimpleQueue or threading.Condition" in profile.verdict.sentence
    )


def test_simple_queues_are_those_of_the_script_again_after_the_run() -> None:
    before = queue.SimpleQueue
    with Profiler() as _:
        assert isinstance(before(), queue.SimpleQueue) and issubclass(before, queue.SimpleQueue)
        assert repr(queue.SimpleQueue()).startswith("<_queue.SimpleQueue object")
        inside = queue.SimpleQueue()
        assert SimpleQueue is queue.SimpleQueue and isinstance(inside, before)
    assert queue.SimpleQueue is before is SimpleQueue
    inside.put(3)
    assert inside.get() == 3
    with pytest.raises(queue.Empty):
        inside.get(timeout=0.001)
    with pytest.raises(queue.Empty):
        inside.get(False)


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

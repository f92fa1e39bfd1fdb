"""Whose wait it is where other threads take the batches and hand them over."""

from __future__ import annotations

import queue
import statistics
import threading
import time
from collections import deque
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest
import torch
from attributed import SLEPT, Slow, learn, profiled
from torch import nn
from torch.utils.data import DataLoader

from fastdata import Profiler
from fastdata.profiling.selfcheck.known import median_rows

pytestmark = pytest.mark.asleep


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

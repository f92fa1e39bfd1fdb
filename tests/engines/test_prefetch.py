"""Batches made ahead: order, errors, and no thread left behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from fastdata.engines.prefetch import Prefetched, Synchronous
from fastdata.engines.work import EMPTY, Made, Skip
from fastdata.errors import WorkerTimeout


def doubled(task: int) -> Made:
    """Twice the task; task 3 fails, and task 5 leaves its only sample out."""
    if task == 3:
        raise ZeroDivisionError("task 3")
    if task == 5:
        return Made(None, 0, (Skip(5, "sample 5", "bad"),))
    return Made(task * 2, 1)


def producers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("fastdata")]


def drain(batches: Any) -> list[Any]:
    made = []
    while True:
        try:
            made.append(next(batches))
        except StopIteration:
            return made


@pytest.mark.parametrize("depth", [1, 2, 50])
def test_all_batches_come_in_order_and_the_thread_ends(depth: int) -> None:
    tasks = [task for task in range(20) if task != 3]
    batches = Prefetched(iter(tasks), doubled, print, depth=depth)
    assert drain(batches) == drain(Synchronous(iter(tasks), doubled, print))
    assert not producers()


def test_an_error_is_the_original_one_and_the_next_batch_follows() -> None:
    batches = Prefetched(iter(range(6)), doubled, print, depth=4)
    assert [next(batches) for _ in range(3)] == [0, 2, 4]
    with pytest.raises(ZeroDivisionError, match="task 3"):
        next(batches)
    assert not producers()
    assert drain(batches) == [8, EMPTY]


def test_samples_left_out_are_reported_to_the_caller() -> None:
    reported: list[Skip] = []
    batches = Prefetched(iter([4, 5]), doubled, reported.extend, depth=2)
    assert drain(batches) == [8, EMPTY]
    assert reported == [Skip(5, "sample 5", "bad")]


def test_dropping_the_iterator_ends_the_thread() -> None:
    batches = Prefetched(iter(range(100)), doubled, print, depth=3)
    next(batches)
    assert producers()
    del batches
    gc.collect()
    assert not producers()


def test_tasks_are_drawn_only_as_far_ahead_as_told_and_by_the_caller() -> None:
    drawn: list[str] = []

    def work() -> Any:
        for task in range(10, 20):
            drawn.append(threading.current_thread().name)
            yield task

    batches = Prefetched(work(), doubled, print, depth=3)
    next(batches)
    assert drawn == [threading.current_thread().name] * 3
    batches.close()


def test_a_batch_that_takes_too_long_is_a_timeout() -> None:
    release = threading.Event()

    def stuck(task: int) -> Made:
        release.wait()
        return Made(task, 1)

    batches = Prefetched(iter([1]), stuck, print, depth=1, timeout_seconds=0.05)
    with pytest.raises(WorkerTimeout, match=r"timed out after 0\.05 seconds"):
        next(batches)
    release.set()
    batches.close()
    assert not producers()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_child_goes_on_by_itself() -> None:
    batches = Prefetched(iter(range(10, 20)), doubled, print, depth=3)
    assert next(batches) == 20
    child = os.fork()
    if child == 0:
        os._exit(0 if drain(batches) == list(range(22, 40, 2)) else 1)
    assert os.waitpid(child, 0)[1] == 0
    batches.close()


def test_the_interpreter_ends_with_an_iterator_in_use() -> None:
    script = (
        "from fastdata.engines.prefetch import Prefetched\n"
        "from fastdata.engines.work import Made\n"
        "make = lambda task: Made(task, 1)\n"
        "kept = Prefetched(iter(range(100)), make, print, depth=3)\n"
        "next(kept); print('done')\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert (result.stdout.strip(), result.stderr, result.returncode) == (b"done", b"", 0)

"""The worker pool: order, crashes, hangs, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from converting import obey

from fastdata.converters.pool import WorkerPool
from fastdata.converters.source import Item
from fastdata.errors import InputError, WorkerDied, WorkerError, WorkerTimeout


def items(*keys: str) -> list[Item]:
    return [Item(key, ()) for key in keys]


def test_results_come_in_source_order_whatever_the_number_of_workers() -> None:
    keys = [f"item {i}" for i in range(300)]
    wanted = [key.upper() for key in keys]
    for count in (0, 1, 3):
        with WorkerPool(count, item_timeout=60) as pool:
            assert [outcome.value for outcome in pool.run(obey, items(*keys))] == wanted


def test_a_run_can_start_in_the_middle_and_a_pool_can_run_twice() -> None:
    with WorkerPool(2, item_timeout=60) as pool:
        first = [outcome.position for outcome in pool.run(obey, items(*"abcdef"), start=4)]
        second = [outcome.value for outcome in pool.run(obey, items("x", "y"))]
    assert (first, second) == ([4, 5], ["X", "Y"])


def test_an_abandoned_run_does_not_answer_the_next_one() -> None:
    with WorkerPool(1, item_timeout=60) as pool:
        for outcome in pool.run(obey, items(*"abcdefgh")):
            assert outcome.value == "A"
            break
        assert [outcome.value for outcome in pool.run(obey, items("x", "y"))] == ["X", "Y"]


@pytest.mark.parametrize(
    ("key", "kind", "words"),
    [
        ("die", WorkerDied, "SIGKILL"),
        ("exit", WorkerDied, "exit status 3"),
        ("hang", WorkerTimeout, "no result within 0.5 s"),
        ("stop", WorkerTimeout, "no result within 0.5 s"),
        ("fail", InputError, "unexpected ZeroDivisionError"),
    ],
)
def test_a_bad_item_costs_itself_only(key: str, kind: type[Exception], words: str) -> None:
    with WorkerPool(2, item_timeout=0.5) as pool:
        outcomes = list(pool.run(obey, items("a", key, "b", "c")))
    assert [outcome.value for outcome in outcomes] == ["A", None, "B", "C"]
    error = outcomes[1].error
    assert type(error) is kind
    assert words in str(error) and str(error).startswith(key)


@pytest.mark.parametrize("what", ["die", "stop"])
def test_an_item_whose_worker_was_lost_by_accident_is_tried_again(
    what: str, tmp_path: Path
) -> None:
    key = f"{what} once {tmp_path / 'mark'}"
    with WorkerPool(2, item_timeout=0.5) as pool:
        outcomes = list(pool.run(obey, items("a", key, "b")))
    assert [outcome.error for outcome in outcomes] == [None, None, None]
    assert outcomes[1].value == key.upper()


def test_large_results_and_large_items_pass() -> None:
    with WorkerPool(2, item_timeout=60) as pool:
        keys = ["large", "y" * 2_000_000, "large", "z"] * 3
        found = [len(outcome.value) for outcome in pool.run(obey, items(*keys))]
    assert found == [3_000_000, 2_000_000, 3_000_000, 1] * 3


def test_workers_that_cannot_start_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with WorkerPool(2, item_timeout=60) as pool, pytest.raises(WorkerError, match="--workers 0"):
        next(pool.run(obey, items("a", "b")))


def test_no_process_is_left_after_closing() -> None:
    before = set(psutil.Process().children(recursive=True))
    with WorkerPool(2, item_timeout=60) as pool:
        next(iter(pool.run(obey, items(*"abcd"))))
    assert set(psutil.Process().children(recursive=True)) <= before


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_workers_end_with_a_killed_parent() -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from converting import obey\n"
        "from fastdata.converters.pool import WorkerPool\n"
        "from fastdata.converters.source import Item\n"
        "pool = WorkerPool(2, item_timeout=600)\n"
        "run = pool.run(obey, [Item(key, ()) for key in ('a', 'hang', 'hang', 'hang')])\n"
        "next(run)\n"
        "print(*[worker.pid for worker in pool.workers], flush=True)\n"
        "next(run)\n"
    )
    tests = str(Path(__file__).parents[1])
    with subprocess.Popen([sys.executable, "-c", code, tests], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        workers = [psutil.Process(pid) for pid in pids]
        os.kill(parent.pid, signal.SIGKILL)
    assert len(workers) == 2
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive

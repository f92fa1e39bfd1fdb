"""What "auto" becomes, for machines that are described and not there."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import TensorDataset

from fastdata import FastLoader
from fastdata.hardware import Machine, Ranks
from fastdata.loader.arguments import Request
from fastdata.loader.choice import choose_engine
from fastdata.loader.resolve import resolve
from fastdata.loader.settings import can_be_sent, choose_threads, choose_workers

GIB = 1 << 30


def workers(machine: Machine, local_world: int = 1, **options: Any) -> tuple[int, str]:
    ranks = Ranks(world=local_world, local_world=local_world)
    setting = choose_workers(machine, ranks, **{"iterable": False, "unsendable": None} | options)
    return setting.value, setting.reason


@pytest.mark.parametrize(
    ("machine", "ranks", "expected", "reason"),
    [
        (Machine(cores=8), 1, 8, "8 cores"),
        (Machine(cores=8), 4, 2, "4 ranks share them"),
        (Machine(cores=2), 4, 0, "4 ranks share them"),
        (Machine(cores=96, memory_bytes=512 * GIB, shm_bytes=64 * GIB), 1, 32, "96 cores"),
        (Machine(cores=8, memory_bytes=GIB), 1, 2, "1024 MiB of memory are free"),
        (Machine(cores=8, shm_bytes=64 << 20), 1, 1, "/dev/shm has 64 MiB free"),
        (Machine(cores=8, shm_bytes=None, platform="win32"), 1, 8, "8 cores"),
        (Machine(cores=8, daemonic=True), 1, 0, "may not have children"),
    ],
)
def test_workers_fit_the_machine(machine: Machine, ranks: int, expected: int, reason: str) -> None:
    assert workers(machine, ranks)[0] == expected
    assert reason in workers(machine, ranks)[1]


def test_workers_of_all_ranks_never_exceed_the_cores_or_32() -> None:
    for cores, ranks in itertools.product(range(1, 200, 7), range(1, 17)):
        machine = Machine(cores=cores, memory_bytes=1 << 40, shm_bytes=1 << 40)
        assert workers(machine, ranks)[0] * ranks <= min(cores, 32)
        threads = choose_threads(machine, Ranks(world=ranks, local_world=ranks)).value
        assert threads == 1 or threads * ranks <= min(cores, 32)


def test_an_iterable_dataset_gets_one_worker() -> None:
    value, reason = workers(Machine(cores=8), iterable=True)
    assert value == 1
    assert "each yield the whole" in reason


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_what_cannot_be_pickled_stays_in_this_process(method: str) -> None:
    machine = Machine(cores=8, start_method=method, platform="darwin")
    reason = can_be_sent(machine, [[1, 2], lambda: 0])
    assert reason is not None
    assert f"start by {method}" in reason
    assert "cannot be pickled" in reason
    assert workers(machine, unsendable=reason)[0] == 0
    assert can_be_sent(machine, [[1, 2], print]) is None
    assert can_be_sent(Machine(cores=8), [lambda: 0]) is None


class Interactive:
    __module__ = "__main__"


def test_what_an_interactive_session_defines_stays_in_this_process() -> None:
    machine = Machine(cores=8, start_method="spawn", interactive=True)
    assert "put the dataset into a module" in (can_be_sent(machine, [Interactive()]) or "")


def test_a_request_has_the_arguments_of_a_loader_and_their_defaults() -> None:
    asked = {entry.name: entry.default for entry in dataclasses.fields(Request)}
    parameters = inspect.signature(FastLoader).parameters.values()
    shown = {entry.name: entry.default for entry in parameters}
    assert asked.pop("dataset") is dataclasses.MISSING
    assert shown.pop("dataset") is inspect.Parameter.empty
    assert asked == shown


def resolved(dataset: Any, machine: Machine, **given: Any) -> tuple[dict[str, Any], str]:
    request = Request(dataset=dataset, **given)
    arguments, reasons = resolve(choose_engine(request), request, machine, Ranks())
    return arguments, "\n".join(f"{s.name}={s.value}: {s.reason}" for s in reasons)


def test_spawned_workers_stay_and_forked_ones_do_not() -> None:
    data = list(range(9))
    assert resolved(data, Machine(cores=4))[0]["persistent_workers"] is False
    spawned, reasons = resolved(data, Machine(cores=4, start_method="spawn"))
    assert spawned["persistent_workers"] is True
    assert "starting workers by spawn takes seconds" in reasons


def test_settings_for_workers_are_dropped_where_there_can_be_none() -> None:
    arguments, _ = resolved(
        list(range(9)),
        Machine(cores=4, daemonic=True),
        prefetch_factor=4,
        persistent_workers=True,
        timeout=9,
        multiprocessing_context="spawn",
    )
    assert arguments == {
        "num_workers": 0,
        "pin_memory": torch.cuda.is_available(),
        "timeout": 0,
        "prefetch_factor": None,
        "persistent_workers": False,
        "multiprocessing_context": None,
    }


def test_the_asked_context_is_the_one_that_counts() -> None:
    arguments, reasons = resolved([lambda: 0], Machine(cores=4), multiprocessing_context="spawn")
    assert arguments["num_workers"] == 0
    assert "workers start by spawn" in reasons


def test_gathers_need_no_workers() -> None:
    arguments, reasons = resolved(TensorDataset(torch.arange(3)), Machine(cores=4))
    assert arguments["num_workers"] == 0
    assert "less time than handing it to a thread" in reasons


def test_explain_says_each_setting_with_its_reason() -> None:
    explanation = FastLoader(list(range(9)), num_workers=1, pin_memory=False).explain()
    assert explanation.engine == "torch"
    assert {entry.name for entry in explanation.settings} == {
        "num_workers",
        "prefetch_factor",
        "pin_memory",
        "persistent_workers",
    }
    lines = str(explanation).splitlines()
    assert lines[0] == "engine = torch: a list runs Python code for each sample"
    assert "num_workers = 1: given" in lines


def test_a_program_from_stdin_is_not_looked_for_by_spawned_workers(tmp_path: Path) -> None:
    program = """
import multiprocessing
multiprocessing.set_start_method("spawn")
from loader_datasets import Faulty
from fastdata import FastLoader
loader = FastLoader(Faulty(), 1, sampler=[0])
print(loader.explain())
list(loader)
"""
    tests = Path(__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-"],
        input=program,
        env={**os.environ, "PYTHONPATH": str(tests)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "num_workers = 0: processes; workers start by spawn here" in run.stdout
    assert "<stdin>" in run.stdout

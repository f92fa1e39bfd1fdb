"""The demo's training, from its files and from its pack, gets opposite verdicts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch

from fastdata.converters import convert
from fastdata.demo.files import CONVERSION, MadeFiles, write_files
from fastdata.demo.race import run_files, run_pack
from fastdata.hardware import read_machine
from fastdata.profiling import Profile, Profiler

pytestmark = pytest.mark.alone

STEPS = 24


# Cores that other programs take; without them a run of the pack is compute-bound.
BUSY_ELSEWHERE = 0.3


@pytest.fixture(autouse=True)
def core_for_the_loader() -> Iterator[None]:
    """One core that torch leaves alone.

    Where its threads fill them all, the training thread waits for the loader's to give its core
    back, and which of the two verdicts about that is given depends on a few percent.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, read_machine().cores - 1))
    yield
    torch.set_num_threads(threads)


def cpu_of_others() -> float:
    """CPU seconds so far of all processes but this one."""
    machine = psutil.cpu_times()
    idle = machine.idle + getattr(machine, "iowait", 0.0)
    return float(sum(machine) - idle - time.process_time())


def from_files(made: MadeFiles) -> Profile:
    with Profiler(warmup=4) as profiler:
        run_files(
            made.table, workers=0, steps=STEPS, batch_size=8, seed=0, progress=lambda *_: None
        )
    return profiler.report()


def from_pack(path: Path) -> Profile:
    with Profiler(warmup=4) as profiler:
        run_pack(path, steps=STEPS, batch_size=8, seed=0, progress=lambda *_: None)
    return profiler.report()


def test_files_are_data_bound_and_the_pack_is_not(tmp_path: Path) -> None:
    made = write_files(tmp_path / "files", samples=64, seed=0, threads=2, progress=lambda *_: None)
    slow = from_files(made)
    assert slow.verdict.kind == "data-bound"
    assert slow.verdict.next_command == "num_workers: 0 -> 1"
    summary = convert(made.table, tmp_path / "demo.lmdb", **CONVERSION)
    for _ in range(3):
        others, begun = cpu_of_others(), time.perf_counter()
        quick = from_pack(summary.out)
        taken = (cpu_of_others() - others) / (time.perf_counter() - begun)
        if quick.verdict.kind == "compute-bound":
            break
    is_disturbed = quick.verdict.kind == "contention" and taken > BUSY_ELSEWHERE
    assert is_disturbed or quick.verdict.kind == "compute-bound", (quick.verdict, taken)
    assert is_disturbed or quick.verdict.next_command is None
    assert slow.exposed_share is not None and quick.exposed_share is not None
    assert quick.exposed_share < slow.exposed_share / 4

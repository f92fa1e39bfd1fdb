"""The peak that is reported is the peak that there was."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from fastdata.hardware import Machine
from fastdata.tuning import memory
from fastdata.tuning.memory import CpuMemory, ResidentPeak

MIB = 1 << 20


def fill(size_bytes: int) -> None:
    torch.ones(size_bytes, dtype=torch.uint8)


@pytest.mark.skipif(sys.platform != "linux", reason="the exact peak is a Linux counter")
def test_a_short_peak_is_seen_and_forgotten() -> None:
    with CpuMemory() as idle:
        pass
    meter = CpuMemory()
    peaks = []
    for size_bytes in (200 * MIB, 50 * MIB, 200 * MIB):
        with meter:
            fill(size_bytes)
        peaks.append(meter.peak_bytes - idle.peak_bytes)
    assert peaks[0] == pytest.approx(200 * MIB, abs=8 * MIB)
    assert peaks[1] == pytest.approx(50 * MIB, abs=8 * MIB)
    assert peaks[2] == pytest.approx(200 * MIB, abs=8 * MIB)


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_trim is glibc's")
def test_many_small_pieces_are_given_back_before_the_next_work() -> None:
    with CpuMemory() as idle:
        pass
    # Small enough that the C library keeps them in its heap when they are freed.
    pieces = [torch.ones(8 * 1024, dtype=torch.uint8) for _ in range(12_000)]
    keeps_the_heap_long = torch.ones(8 * 1024, dtype=torch.uint8)
    del pieces
    with CpuMemory() as meter:
        pass
    assert meter.peak_bytes - idle.peak_bytes < 40 * MIB
    assert len(keeps_the_heap_long)


def test_sampling_stands_in_where_the_counter_cannot_be_reset(tmp_path: Path) -> None:
    sampled = ResidentPeak(tmp_path / "nothing")
    sampled.start()
    idle = sampled.stop()
    sampled.start()
    held = torch.ones(200 * MIB, dtype=torch.uint8)
    time.sleep(0.5)  # the sampling thread may have to wait for a core
    del held
    assert sampled.stop() - idle == pytest.approx(200 * MIB, abs=16 * MIB)


def test_available_is_what_is_held_and_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine whose free memory no other process moves."""
    still = Machine(cores=1, memory_bytes=5 << 30)
    with monkeypatch.context() as patched:
        patched.setattr(memory, "read_machine", lambda: still)
        before = CpuMemory().available_bytes()
        held = torch.ones(300 * MIB, dtype=torch.uint8)
        after = CpuMemory().available_bytes()
    assert before == pytest.approx((5 << 30) + psutil.Process().memory_info().rss, abs=400 * MIB)
    assert after - before == pytest.approx(300 * MIB, abs=16 * MIB)
    assert len(held)


def test_available_on_this_machine_is_less_than_it_has() -> None:
    held = psutil.Process().memory_info().rss
    assert held < CpuMemory().available_bytes() < psutil.virtual_memory().total + held

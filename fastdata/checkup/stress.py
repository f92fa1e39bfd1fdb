"""A short full load, and whether the machine slows down under it."""

from __future__ import annotations

import contextlib
import importlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from fastdata.checkup.finding import Finding
from fastdata.checkup.speed import Work
from fastdata.hardware import read_machine
from fastdata.monitoring.nvml import Gpus, GpusUnseen, open_gpus
from fastdata.monitoring.throttling import Throttling, read_throttling

__all__ = ["stress"]

# A slice is long enough for a rate, short enough that a fall shows in a run of seconds.
SLICE_SECONDS = 0.5
# Rates of one machine scatter by some percent from slice to slice.
FALL = 0.85
FEW_THROTTLED = 0.02
# Leaves room for what is there and for torch's own.
GPU_MEMORY_SHARE = 0.8


@dataclass
class _Course:
    """What was seen while the load ran, one value a slice."""

    rates: list[float] = field(default_factory=list)
    megahertz: list[float] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)


def stress(*, seconds: float, root: Path = Path("/")) -> tuple[Finding, ...]:
    """Decodes on all cores, and fills a GPU's memory and keeps it busy, for some seconds.

    Args:
        seconds: How long.
        root: Folder with ``proc`` and ``sys``; another one only to try this function.
    """
    threads = read_machine(root=root).cores
    before = read_throttling(root=root)
    with _loaded_gpu() as gpu:
        course = _decode(seconds, threads, gpu)
    after = read_throttling(root=root)
    return (
        _steadiness(course, threads),
        _frequency(course),
        _quota(before, after),
        _gpu(gpu, course),
    )


@dataclass
class _Gpu:
    """The first GPU under load, or why there is none."""

    gpus: Gpus | None = None
    why: str = ""
    filled_bytes: int = 0
    matrix: Any = None

    def work(self) -> None:
        """Queue some matrix products; they run while the CPU decodes."""
        if self.matrix is not None:
            for _ in range(4):
                self.matrix @ self.matrix

    def reasons(self) -> frozenset[str]:
        return frozenset() if self.gpus is None else self.gpus.throttle()


@contextlib.contextmanager
def _loaded_gpu() -> Iterator[_Gpu]:
    try:
        gpu = _Gpu(gpus=open_gpus())
    except GpusUnseen as unseen:
        yield _Gpu(why=str(unseen))
        return
    try:
        torch = importlib.import_module("torch")
        if not torch.cuda.is_available():
            raise RuntimeError("torch cannot use it")
        free, _ = torch.cuda.mem_get_info()
        gpu.matrix = torch.ones((4096, 4096), device="cuda", dtype=torch.float16)
        block = torch.zeros(int(free * GPU_MEMORY_SHARE), device="cuda", dtype=torch.uint8)
        gpu.filled_bytes = block.numel()
    except (ImportError, OSError, RuntimeError) as error:
        yield _Gpu(why=str(error))
        return
    yield gpu
    del block
    gpu.matrix = None
    torch.cuda.empty_cache()


def _decode(seconds: float, threads: int, gpu: _Gpu) -> _Course:
    work, course = Work(resized=True, threads=threads), _Course()
    work.ours()
    end = time.perf_counter() + seconds
    while not course.rates or time.perf_counter() < end:
        start, count = time.perf_counter(), 0
        gpu.work()
        while (elapsed := time.perf_counter() - start) < SLICE_SECONDS:
            count += work.ours()
        course.rates.append(count / elapsed)
        course.reasons |= gpu.reasons()
        if (frequency := _megahertz()) is not None:
            course.megahertz.append(frequency)
    return course


def _megahertz() -> float | None:
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError, RuntimeError):
        return None
    return None if frequency is None or not frequency.current else float(frequency.current)


def _steadiness(course: _Course, threads: int) -> Finding:
    third = max(1, len(course.rates) // 3)
    first, last = (
        statistics.median(part) for part in (course.rates[:third], course.rates[-third:])
    )
    found = (
        f"{statistics.median(course.rates):,.0f} photos/s on {threads} threads; "
        f"{first:,.0f} at the start, {last:,.0f} at the end"
    )
    if last < FALL * first:
        remedy = "let no other program run; look at cooling, power limits and the quota"
        return Finding("load", "warn", found, remedy)
    return Finding("load", "ok", found)


def _frequency(course: _Course) -> Finding:
    if not course.megahertz:
        return Finding("CPU clock", "ok", "cannot be seen on this machine")
    low, high = min(course.megahertz), max(course.megahertz)
    found = f"{low:,.0f} to {high:,.0f} MHz under load"
    if low < FALL * high:
        return Finding("CPU clock", "warn", found, "look at cooling and the power profile")
    return Finding("CPU clock", "ok", found)


def _quota(before: Throttling | None, after: Throttling | None) -> Finding:
    if after is None:
        return Finding("CPU quota", "ok", "none is counted")
    periods = after.periods - (before.periods if before else 0)
    throttled = after.throttled_periods - (before.throttled_periods if before else 0)
    waited = after.throttled_seconds - (before.throttled_seconds if before else 0.0)
    share = throttled / periods if periods else 0.0
    found = f"held back in {throttled} of {periods} periods, {waited:.1f} s over all threads"
    if share > FEW_THROTTLED:
        remedy = "give the container whole cores, or use no more threads than it has"
        return Finding("CPU quota", "warn", found, remedy)
    return Finding("CPU quota", "ok", found)


def _gpu(gpu: _Gpu, course: _Course) -> Finding:
    if gpu.gpus is None:
        return Finding("GPU load", "ok", f"not run: {gpu.why}")
    found = f"{gpu.filled_bytes / 2**30:.1f} GiB filled, matrix products beside the decoding"
    if course.reasons:
        named = ", ".join(sorted(course.reasons))
        remedy = "look at cooling and nvidia-smi -q -d POWER,PERFORMANCE"
        return Finding("GPU load", "warn", f"{found}; slowed down by: {named}", remedy)
    return Finding("GPU load", "ok", f"{found}; nothing slowed it down")

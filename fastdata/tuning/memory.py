"""The most memory that some steps hold, on a GPU or on the CPU, and how much they may."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Protocol

import psutil
import torch

from fastdata.hardware import read_machine

__all__ = ["CpuMemory", "CudaMemory", "MemoryMeter", "ResidentPeak", "memory_meter"]

# Sampling sees every allocation that lasts this long.
_SAMPLE_SECONDS = 0.001


class MemoryMeter(Protocol):
    """Measures one piece of work at a time; entered before it, left after it."""

    peak_bytes: int
    """Most that this process held during the work."""
    retried: bool
    """Whether the allocator had to empty its cache to go on."""

    def __enter__(self) -> MemoryMeter: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def available_bytes(self) -> int:
        """What this process holds now, and what it could have besides."""
        ...


def memory_meter(device: torch.device) -> MemoryMeter:
    """The meter for a device."""
    return CudaMemory(device) if device.type == "cuda" else CpuMemory()


class CudaMemory:
    """Memory that torch's caching allocator reserves on one GPU.

    Reserved, not allocated: what the allocator holds in pieces that fit nothing is gone as well.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._retries = 0
        self.peak_bytes = 0
        self.retried = False

    def available_bytes(self) -> int:
        """Free memory of the GPU, limits of other processes included, and what is reserved."""
        free, _ = torch.cuda.mem_get_info(self._device)
        return free + torch.cuda.memory_reserved(self._device)

    def __enter__(self) -> CudaMemory:
        gc.collect()
        torch.cuda.synchronize(self._device)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._device)
        self._retries = self._count_retries()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.peak_bytes = torch.cuda.max_memory_reserved(self._device)
        self.retried = self._count_retries() > self._retries

    def _count_retries(self) -> int:
        return int(torch.cuda.memory_stats(self._device).get("num_alloc_retries", 0))


class CpuMemory:
    """Resident memory of this process.

    Threads that run beside the work count as well; what the C library keeps of freed memory is
    given back before each piece of work, so that a smaller batch is not told the peak of a larger.
    """

    def __init__(self) -> None:
        self._peak = ResidentPeak()
        self.peak_bytes = 0
        self.retried = False

    def available_bytes(self) -> int:
        """Resident now, and what the machine and the container's limit leave."""
        return psutil.Process().memory_info().rss + read_machine().memory_bytes

    def __enter__(self) -> CpuMemory:
        gc.collect()
        _give_back_freed()
        self._peak.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.peak_bytes = self._peak.stop()


class ResidentPeak:
    """The highest resident memory of this process between `start` and `stop`.

    Linux keeps the exact peak, and lets a process reset its own; elsewhere a thread samples it.

    Args:
        proc: Folder of this process in /proc; another one only to try this class.

    Source: Linux kernel, Documentation/filesystems/proc.rst, clear_refs and VmHWM.
    """

    def __init__(self, proc: Path = Path("/proc/self")) -> None:
        self._proc = proc
        self._sampler: _Sampler | None = None

    def start(self) -> None:
        """Forgets what was before."""
        try:
            (self._proc / "clear_refs").write_text("5", encoding="ascii")
        except OSError:
            self._sampler = _Sampler()
            self._sampler.start()

    def stop(self) -> int:
        """The peak in bytes."""
        if self._sampler is not None:
            sampler, self._sampler = self._sampler, None
            return sampler.stop()
        lines = (self._proc / "status").read_text(encoding="utf-8").splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024


class _Sampler(threading.Thread):
    """Looks at the resident memory again and again."""

    def __init__(self) -> None:
        super().__init__(name="fastdata-memory", daemon=True)
        self._process = psutil.Process()
        self._ended = threading.Event()
        self._peak_bytes = self._process.memory_info().rss

    def run(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self._look()

    def stop(self) -> int:
        self._ended.set()
        self.join()
        self._look()
        return self._peak_bytes

    def _look(self) -> None:
        self._peak_bytes = max(self._peak_bytes, self._process.memory_info().rss)


def _give_back_freed() -> None:
    """Asks the C library to return freed memory to the system, where it is glibc."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)

"""One sample after the other, from all sources; a source that fails leaves its columns empty."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fastdata.hardware import read_cgroup
from fastdata.monitoring.columns import GPU_MEAN, columns
from fastdata.monitoring.counting import Counting
from fastdata.monitoring.nvml import GpuReading, Gpus, GpusUnseen, open_gpus
from fastdata.monitoring.processes import Everything, ProcessTree, counts_reads, pss_bytes
from fastdata.monitoring.records import Sample, Worker
from fastdata.monitoring.throttling import Throttling, read_throttling

__all__ = ["Sampler", "allowed_cores"]

T = TypeVar("T")
Values = dict[str, float | None]

# The kernel walks every page for PSS and holds the process's memory map meanwhile.
PSS_COST_SHARE = 0.01
# The driver counts PCIe traffic for 40 ms a GPU, which must fit into an interval.
PCIE_SECONDS = 0.1
SHM = Path("/dev/shm")


def allowed_cores() -> float:
    """Cores that affinity and the container's quota allow, such as 1.5."""
    if hasattr(os, "sched_getaffinity"):
        cores = float(len(os.sched_getaffinity(0)))
    else:
        cores = float(os.cpu_count() or 1)
    quota = read_cgroup().cores
    return cores if quota is None else min(cores, quota)


class Sampler:
    """Takes samples of some processes and of the machine around them.

    Args:
        processes: Which processes.
        interval_seconds: How often `sample` will be called.

    Attributes:
        columns: What each sample holds.
        cores: Cores that quota and affinity allow.
        gpus: NVML's numbers of the GPUs.
        no_gpu: Why no GPU is seen; "" where there is one.
        unseen: What could not be read, and why; the first reason of each.
    """

    def __init__(self, processes: ProcessTree | Everything, *, interval_seconds: float) -> None:
        self.unseen: dict[str, str] = {}
        self.cores = allowed_cores()
        self._gpus, self.no_gpu = _find_gpus()
        self.gpus = () if self._gpus is None else self._gpus.indices
        self.columns = columns(self.gpus)
        self._counting = Counting(processes, from_start=False)
        self._throttling = read_throttling()
        self._machine = _machine_ticks()
        self._pss: int | None = None
        self._pss_due = 0.0
        self._with_pcie = self._fits_pcie(interval_seconds)

    def watch(self, processes: ProcessTree) -> None:
        """Turns to other processes, and counts what they used before as well."""
        self._counting = Counting(processes, from_start=True)

    def sample(self, *, seconds: float, interval_seconds: float) -> Sample:
        """A sample of the time since the last one.

        Args:
            seconds: Since the start.
            interval_seconds: Since the last sample.
        """
        values: Values = {}
        values |= self._try("processes", self._processes) or {}
        values |= self._try("memory", self._memory) or {}
        values |= self._try("machine", self._around) or {}
        read = self._try("GPUs", self._read_gpus) or ()
        values |= _gpu_values(read)
        workers: tuple[Worker, ...] = self._counting.workers()
        reasons = {reason: None for gpu in read for reason in gpu.throttle or ()}
        return Sample(seconds, interval_seconds, values, workers, tuple(reasons))

    def _processes(self) -> Values:
        self._counting.look()
        gained, length = self._counting.gained, self._counting.seconds
        cores = gained(lambda used: used.cpu_seconds_all) / length
        busy = [worker.cpu_cores for worker in self._counting.workers()]
        if hidden := self._counting.hidden_reads:
            why = _hidden(hidden) if counts_reads() else "this kernel does not count them"
            self.unseen.setdefault("storage reads", why)
        return {
            "cpu_cores": cores,
            "cpu_share": cores / self.cores,
            "processes": float(len(self._counting.pids)),
            "worker_cpu_cores_min": min(busy, default=None),
            "worker_cpu_cores_max": max(busy, default=None),
            "read_bytes_per_second": gained(lambda used: used.read_bytes or 0) / length,
            "minor_faults_per_second": gained(lambda used: used.minor_faults) / length,
            "major_faults_per_second": gained(lambda used: used.major_faults) / length,
        }

    def _memory(self) -> Values:
        now = time.monotonic()
        if now >= self._pss_due:
            found, hidden = pss_bytes(self._counting.pids)
            self._pss_due = now + (time.monotonic() - now) / PSS_COST_SHARE
            if hidden:
                self.unseen.setdefault("memory", _hidden(hidden))
            elif found is None and self._counting.pids:
                self.unseen.setdefault("memory", "this kernel has no smaps_rollup")
            # A tree of processes that have ended has no memory, but its last reading is no 0.
            self._pss = found if found is not None else self._pss
        shm = float(shutil.disk_usage(SHM).used) if SHM.is_dir() else None
        return {"pss_bytes": self._pss, "shm_bytes": shm}

    def _around(self) -> Values:
        throttling, machine = read_throttling(), _machine_ticks()
        held = _throttled_share(self._throttling, throttling)
        busy, total = (new - old for new, old in zip(machine, self._machine, strict=True))
        self._throttling, self._machine = throttling, machine
        share = busy / total if total > 0 else None
        return {"cpu_throttled_share": held, "machine_cpu_share": share}

    def _read_gpus(self) -> tuple[GpuReading, ...]:
        if self._gpus is None:
            return ()
        read = self._gpus.read(pcie=self._with_pcie)
        for what, why in self._gpus.unseen.items():
            self.unseen.setdefault(what, why)
        return read

    def _fits_pcie(self, interval_seconds: float) -> bool:
        if self._gpus is None:
            return False
        fits = interval_seconds >= PCIE_SECONDS * len(self._gpus)
        if not fits:
            self.unseen["PCIe traffic"] = "counting it takes longer than the interval is"
        return fits

    def _try(self, what: str, source: Callable[[], T]) -> T | None:
        try:
            return source()
        except Exception as error:
            self.unseen.setdefault(what, f"{type(error).__name__}: {error}")
            return None


def _hidden(processes: int) -> str:
    return f"{processes} of the processes are another user's and hide theirs"


def _find_gpus() -> tuple[Gpus | None, str]:
    try:
        return open_gpus(), ""
    except GpusUnseen as unseen:
        return None, str(unseen)
    except Exception as error:  # a driver that answers nonsense must not end a training run
        return None, f"NVML failed: {type(error).__name__}: {error}"


def _gpu_values(read: tuple[GpuReading, ...]) -> Values:
    values: Values = {}
    for gpu in read:
        held = None if gpu.throttle is None else float(bool(gpu.throttle))
        values |= {
            f"gpu{gpu.index}_busy_share": gpu.busy_share,
            f"gpu{gpu.index}_memory_bytes": gpu.memory_bytes,
            f"gpu{gpu.index}_power_watts": gpu.power_watts,
            f"gpu{gpu.index}_throttled_share": held,
            f"gpu{gpu.index}_pcie_receive_bytes_per_second": gpu.pcie_receive_bytes_per_second,
            f"gpu{gpu.index}_pcie_send_bytes_per_second": gpu.pcie_send_bytes_per_second,
        }
    busy = [gpu.busy_share for gpu in read if gpu.busy_share is not None]
    if busy:
        values[GPU_MEAN.name] = sum(busy) / len(busy)
    return values


def _throttled_share(before: Throttling | None, after: Throttling | None) -> float | None:
    if after is None:
        return None
    periods = after.periods - (before.periods if before else 0)
    throttled = after.throttled_periods - (before.throttled_periods if before else 0)
    return throttled / periods if periods > 0 else 0.0


def _machine_ticks() -> tuple[int, int]:
    """Clock ticks in which cores were busy, and all, since boot.

    Source: Linux man-pages, proc_stat(5); guest time is part of user time.
    """
    try:
        with open("/proc/stat", encoding="ascii") as stream:
            ticks = [int(part) for part in stream.readline().split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)

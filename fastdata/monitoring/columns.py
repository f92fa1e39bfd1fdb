"""The columns of a log: names that carry their unit, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["BASE", "GPU_MEAN", "Column", "columns", "gpu_columns"]


@dataclass(frozen=True)
class Column:
    """One number of a sample.

    Attributes:
        name: In the log; it ends in the unit, "share" being a part of 1.
        unit: "share", "cores", "bytes", "bytes/s", "faults/s", "watts" or "".
        meaning: One line for people.
    """

    name: str
    unit: str
    meaning: str


BASE = (
    Column("cpu_cores", "cores", "CPU time of the watched processes a second"),
    Column("cpu_share", "share", "the same, of the cores that quota and affinity allow"),
    Column("machine_cpu_share", "share", "busy part of all cores of the machine, by anybody"),
    Column("cpu_throttled_share", "share", "periods in which the container's quota ran out"),
    Column("processes", "", "watched processes"),
    Column("worker_cpu_cores_min", "cores", "the least busy process but the first"),
    Column("worker_cpu_cores_max", "cores", "the busiest process but the first"),
    Column("pss_bytes", "bytes", "memory of the watched processes, shared pages counted once"),
    Column("shm_bytes", "bytes", "/dev/shm in use, by anybody"),
    Column("read_bytes_per_second", "bytes/s", "delivered by storage, not by the page cache"),
    Column("minor_faults_per_second", "faults/s", "page faults without a disk"),
    Column("major_faults_per_second", "faults/s", "page faults that waited for a disk"),
)


# With one GPU, that one.
GPU_MEAN = Column("gpu_busy_share", "share", "mean over the GPUs of their busy parts")


def gpu_columns(index: int) -> tuple[Column, ...]:
    """The columns of one GPU, by NVML's number."""
    return (
        Column(f"gpu{index}_busy_share", "share", "part of the time with some kernel resident"),
        Column(f"gpu{index}_memory_bytes", "bytes", "GPU memory in use, by anybody"),
        Column(f"gpu{index}_power_watts", "watts", "power draw"),
        Column(f"gpu{index}_throttled_share", "share", "looks at which the clocks were held down"),
        Column(f"gpu{index}_pcie_receive_bytes_per_second", "bytes/s", "from the host"),
        Column(f"gpu{index}_pcie_send_bytes_per_second", "bytes/s", "to the host"),
    )


def columns(gpus: Iterable[int]) -> tuple[Column, ...]:
    """All columns where these GPUs are seen."""
    seen = tuple(gpus)
    mean = (GPU_MEAN,) if seen else ()
    return (*BASE, *mean, *(column for index in seen for column in gpu_columns(index)))

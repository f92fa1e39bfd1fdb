"""Numbers of a column for people."""

from __future__ import annotations

from fastdata.wording import human_bytes

__all__ = ["label", "told"]

_LABELS = {
    "cpu_cores": "CPU, cores",
    "cpu_share": "CPU share",
    "machine_cpu_share": "machine CPU",
    "cpu_throttled_share": "held back",
    "processes": "processes",
    "worker_cpu_cores_min": "idlest, cores",
    "worker_cpu_cores_max": "busiest, cores",
    "pss_bytes": "memory (PSS)",
    "shm_bytes": "/dev/shm",
    "read_bytes_per_second": "storage reads",
    "minor_faults_per_second": "minor faults",
    "major_faults_per_second": "major faults",
    "gpu_busy_share": "GPU busy",
}
_GPU_LABELS = {
    "busy_share": "busy",
    "memory_bytes": "memory",
    "power_watts": "power",
    "throttled_share": "held down",
    "pcie_receive_bytes_per_second": "PCIe in",
    "pcie_send_bytes_per_second": "PCIe out",
}


def label(name: str) -> str:
    """A column's name for people: ``GPU 0 memory`` for ``gpu0_memory_bytes``."""
    if name in _LABELS:
        return _LABELS[name]
    gpu, _, rest = name.partition("_")
    return f"GPU {gpu.removeprefix('gpu')} {_GPU_LABELS.get(rest, rest)}"


def told(value: float | None, unit: str) -> str:
    """A value with its unit: ``43%``, ``1.87``, ``4.2 GB/s``; ``-`` where there is none."""
    if value is None:
        return "-"
    if unit == "share":
        return f"{value:.0%}"
    if unit == "bytes":
        return human_bytes(value)
    if unit == "bytes/s":
        return f"{human_bytes(value)}/s"
    if unit == "faults/s":
        return f"{value:,.0f}/s"
    if unit == "watts":
        return f"{value:,.0f} W"
    return f"{value:.2f}" if unit == "cores" else f"{value:,.1f}".removesuffix(".0")

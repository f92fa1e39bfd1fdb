"""Cores, memory, shared memory and file descriptors."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import psutil

from fastdata.checkup.finding import Finding
from fastdata.hardware import read_cgroup, read_machine
from fastdata.monitoring.throttling import read_throttling

__all__ = ["cores", "descriptors", "memory", "shared_memory"]

GIB = 1 << 30
LEAST_MEMORY_BYTES = 4 * GIB
# One float32 batch of 128 images of 224 x 224 takes 77 MB there, and every worker keeps two ready.
LEAST_SHM_BYTES = 64 << 20
ENOUGH_SHM_BYTES = GIB
# Every tensor that a worker hands over takes a descriptor.
ENOUGH_DESCRIPTORS = 4096
# Below it the quota has hardly ever been noticed.
FEW_THROTTLED = 0.05


def cores(*, root: Path = Path("/")) -> Finding:
    """Cores that this process may use, and how often its container's quota ran out.

    Args:
        root: Folder with ``proc``, ``sys`` and ``dev``; another one only to try this function.
    """
    machine = read_machine(root=root)
    quota = read_cgroup(root=root).cores
    found = f"{machine.cores} of {os.cpu_count()} ({machine.cores_reason})"
    throttling = read_throttling(root=root)
    if throttling is not None:
        share = throttling.throttled_periods / throttling.periods
        found += f"; held back in {share:.0%} of its periods so far"
        if share > FEW_THROTTLED and quota is not None:
            remedy = f"give the container more than {quota:g} cores, or use fewer workers"
            return Finding("cores", "warn", found, remedy)
    if machine.cores == 1:
        return Finding("cores", "warn", found, "loading and training share one core; give it more")
    return Finding("cores", "ok", found)


def memory(*, root: Path = Path("/")) -> Finding:
    """Free memory, limits of a container included."""
    free = read_machine(root=root).memory_bytes
    total = psutil.virtual_memory().total
    limit = read_cgroup(root=root).memory_bytes
    within = "" if limit is None or limit > free else ", within the container's limit"
    found = f"{free / GIB:.1f} GiB free of {total / GIB:.1f} GiB{within}"
    if free < LEAST_MEMORY_BYTES:
        return Finding("memory", "warn", found, "end other programs, or raise the limit")
    return Finding("memory", "ok", found)


def shared_memory(*, root: Path = Path("/")) -> Finding:
    """Free bytes of /dev/shm, through which worker processes hand over their batches."""
    free = read_machine(root=root).shm_bytes
    if free is None:
        return Finding(
            "/dev/shm",
            "warn",
            "not there",
            "mount a tmpfs, or use the engine of a pack: no workers",
        )
    found = f"{free / GIB:.2f} GiB free"
    remedy = "start the container with --shm-size=2g, or delete what is left there"
    if free < LEAST_SHM_BYTES:
        return Finding("/dev/shm", "fail", f"{found}, too little for one batch a worker", remedy)
    if free < ENOUGH_SHM_BYTES:
        return Finding("/dev/shm", "warn", found, remedy)
    return Finding("/dev/shm", "ok", found)


def descriptors() -> Finding:
    """How many files this process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return Finding("open files", "ok", "no limit")
    most = "any number" if hard == resource.RLIM_INFINITY else f"{hard:,}"
    found = f"{soft:,}, may be raised to {most}"
    if soft < ENOUGH_DESCRIPTORS:
        enough = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
        return Finding("open files", "warn", found, f"ulimit -n {enough}")
    return Finding("open files", "ok", found)

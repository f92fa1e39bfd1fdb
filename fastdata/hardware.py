"""What this process may use: cores, memory, shared memory, and the ranks it shares them with.

Everything is read once into a frozen `Machine`, so that whatever decides from it can be tried with
a made-up machine.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = [
    "Cgroup",
    "Machine",
    "Ranks",
    "cgroup_folders",
    "read_cgroup",
    "read_machine",
    "read_ranks",
]

# cgroup v1 writes "no limit" as the largest multiple of the page size below 2**63.
_UNLIMITED_BYTES = 1 << 60


@dataclass(frozen=True, kw_only=True)
class Cgroup:
    """Limits that a container puts on this process; None where it puts none.

    Attributes:
        cores: CPU time allowed a second of wall time, such as 1.5.
        memory_bytes: Memory still free below the tightest limit.
    """

    cores: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """Where this process stands among those that train together.

    Attributes:
        rank: 0..world-1.
        world: Number of processes.
        local_world: Number of them on this machine.
        source: "torch.distributed", "environment" or "single process".
    """

    rank: int = 0
    world: int = 1
    local_world: int = 1
    source: str = "single process"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The part of a machine that this process may use.

    Attributes:
        cores: Cores to count with, at least 1.
        cores_reason: What set that number.
        memory_bytes: Memory that is free, limits of a container included.
        shm_bytes: Free bytes in /dev/shm, or None where there is none.
        platform: As `sys.platform`.
        start_method: How worker processes start by default: "fork", "spawn" or "forkserver".
        daemonic: Whether this process may not have children, being a daemonic worker itself.
        interactive: Whether the main module is no file, so that spawned workers cannot import it.
        lost_program: The file that the main module claims to be from, but that is not there, as
            with a program read from stdin; spawned workers look for it in vain.
    """

    cores: int
    cores_reason: str = "given"
    memory_bytes: int = 8 << 30
    shm_bytes: int | None = 8 << 30
    platform: str = "linux"
    start_method: str = "fork"
    daemonic: bool = False
    interactive: bool = False
    lost_program: str = ""


def read_machine(*, root: Path = Path("/")) -> Machine:
    """The machine as this process may use it now.

    Args:
        root: Folder with ``proc``, ``sys`` and ``dev``; another one only to try this function.
    """
    cgroup = read_cgroup(root=root)
    cores, reason = _cores(cgroup)
    memory_bytes = psutil.virtual_memory().available
    if cgroup.memory_bytes is not None:
        memory_bytes = min(memory_bytes, cgroup.memory_bytes)
    shm = root / "dev/shm"
    return Machine(
        cores=cores,
        cores_reason=reason,
        memory_bytes=memory_bytes,
        shm_bytes=shutil.disk_usage(shm).free if shm.is_dir() else None,
        platform=sys.platform,
        start_method=multiprocessing.get_start_method(allow_none=True)
        or multiprocessing.get_all_start_methods()[0],
        daemonic=multiprocessing.current_process().daemon,
        interactive=not hasattr(sys.modules.get("__main__"), "__file__"),
        lost_program=_lost_program(),
    )


def _lost_program() -> str:
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    # A module that was started by its name is looked for by that.
    is_by_name = getattr(main, "__spec__", None) is not None
    return "" if path is None or is_by_name or os.path.exists(path) else str(path)


def read_ranks(environ: Mapping[str, str] | None = None) -> Ranks:
    """The ranks, from torch.distributed when it is initialised, else from the environment.

    Only RANK with WORLD_SIZE counts, as torchrun sets them; a value that is no fitting number is
    ignored, because programs that have nothing to do with training use these names too.
    """
    environ = os.environ if environ is None else environ
    # Looked up, not imported: this module stays light, and an unloaded torch is not initialised.
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        world = distributed.get_world_size()
        local_world = _natural(environ.get("LOCAL_WORLD_SIZE")) or world
        return Ranks(
            rank=distributed.get_rank(),
            world=world,
            local_world=min(local_world, world),
            source="torch.distributed",
        )
    rank, wanted = _natural(environ.get("RANK")), _natural(environ.get("WORLD_SIZE"))
    if rank is None or wanted is None or not rank < wanted or wanted == 1:
        return Ranks()
    local_world = _natural(environ.get("LOCAL_WORLD_SIZE")) or wanted
    return Ranks(
        rank=rank, world=wanted, local_world=min(local_world, wanted), source="environment"
    )


def read_cgroup(*, root: Path = Path("/")) -> Cgroup:
    """The tightest limits of all control groups that this process is in, v1 and v2.

    Source: Linux kernel, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
    """
    cores: list[float] = []
    memory: list[int] = []
    for folder in cgroup_folders("cpu", root=root):
        cores += _quota(*_text(folder / "cpu.max").split())
        quota = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        cores += _quota(*(part.strip() for part in quota))
    for folder in cgroup_folders("memory", root=root):
        stat = _text(folder / "memory.stat")
        memory += _free(
            _text(folder / "memory.max"), _text(folder / "memory.current"), stat, "inactive_file"
        )
        memory += _free(
            _text(folder / "memory.limit_in_bytes"),
            _text(folder / "memory.usage_in_bytes"),
            stat,
            "total_inactive_file",
        )
    return Cgroup(cores=min(cores, default=None), memory_bytes=min(memory, default=None))


def cgroup_folders(controller: str, *, root: Path = Path("/")) -> list[Path]:
    """Folders of the control groups that this process is in, each before those around it.

    Version 2 has one tree for all controllers, version 1 one a controller; where both are mounted,
    the folders of both are given.

    Args:
        controller: Such as "cpu" or "memory".
        root: Folder with ``proc`` and ``sys``; another one only to try this function.
    """
    mount = root / "sys/fs/cgroup"
    folders = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            folders += _upwards(mount, path)
        elif controller in controllers.split(","):
            folders += _upwards(mount / controller, path)
    return folders


def _cores(cgroup: Cgroup) -> tuple[int, str]:
    if hasattr(os, "sched_getaffinity"):
        cores, reason = len(os.sched_getaffinity(0)), "cores this process may run on"
    else:
        cores, reason = os.cpu_count() or 1, "cores of the machine"
    if cgroup.cores is not None and cgroup.cores < cores:
        # A share of a core is worth a thread; rounding down would waste up to half the quota.
        return max(1, math.ceil(cgroup.cores)), f"the container's quota of {cgroup.cores:g} cores"
    return cores, reason


def _upwards(mount: Path, path: str) -> list[Path]:
    """The group's folder and all above it; in a container the path may lead out of the mount."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    return [mount.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]


def _quota(quota: str = "max", period: str = "") -> list[float]:
    granted, length = _natural(quota), _natural(period)
    return [granted / length] if granted and length else []


def _free(limit: str, usage: str, stat: str, reclaimable: str) -> list[int]:
    limit_bytes = _natural(limit)
    if limit_bytes is None or limit_bytes >= _UNLIMITED_BYTES:
        return []
    # Page cache that nobody uses counts as usage, but makes way for memory that is asked for.
    cached = [line.split()[1] for line in stat.splitlines() if line.split()[:1] == [reclaimable]]
    used = (_natural(usage) or 0) - (_natural(cached[0]) or 0 if cached else 0)
    return [max(0, limit_bytes - max(0, used))]


def _natural(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""

"""The machine as a process may use it: container limits, ranks, and what is free."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastdata.hardware import Cgroup, Ranks, read_cgroup, read_machine, read_ranks


def write_files(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_no_control_group_means_no_limit(tmp_path: Path) -> None:
    assert read_cgroup(root=tmp_path) == Cgroup()


def test_version_2_takes_the_tightest_limit_on_the_way_up(tmp_path: Path) -> None:
    root = write_files(
        tmp_path,
        {
            "proc/self/cgroup": "0::/kube/pod\n",
            "sys/fs/cgroup/cpu.max": "max 100000\n",
            "sys/fs/cgroup/kube/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/kube/pod/cpu.max": "400000 100000\n",
            "sys/fs/cgroup/kube/pod/memory.max": "1000000000\n",
            "sys/fs/cgroup/kube/pod/memory.current": "700000000\n",
            "sys/fs/cgroup/kube/pod/memory.stat": "anon 1\ninactive_file 200000000\n",
        },
    )
    assert read_cgroup(root=root) == Cgroup(cores=1.5, memory_bytes=500_000_000)


def test_version_1_reads_its_own_files(tmp_path: Path) -> None:
    root = write_files(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n",
            # Inside a container its own group is mounted as the root of the tree.
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "4000000000\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "3000000000\n",
            "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 500000000\n",
        },
    )
    assert read_cgroup(root=root) == Cgroup(cores=2.0, memory_bytes=1_500_000_000)


def test_version_1_without_limits(tmp_path: Path) -> None:
    root = write_files(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/\n1:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    )
    assert read_cgroup(root=root) == Cgroup()


def test_a_small_quota_still_leaves_one_core(tmp_path: Path) -> None:
    root = write_files(
        tmp_path,
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "25000 100000\n"},
    )
    machine = read_machine(root=root)
    assert machine.cores == 1
    assert "quota of 0.25 cores" in machine.cores_reason


def test_a_memory_limit_bounds_what_is_free(tmp_path: Path) -> None:
    root = write_files(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": "4096\n",
            "sys/fs/cgroup/memory.current": "96\n",
        },
    )
    assert read_machine(root=root).memory_bytes == 4000


def test_this_machine() -> None:
    machine = read_machine()
    assert 1 <= machine.cores <= (os.cpu_count() or 1)
    assert machine.memory_bytes > 0
    assert not machine.daemonic


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Ranks()),
        ({"RANK": "0", "WORLD_SIZE": "1"}, Ranks()),
        ({"RANK": "2", "WORLD_SIZE": "4"}, Ranks(rank=2, world=4, local_world=4)),
        (
            {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"},
            Ranks(rank=5, world=8, local_world=4),
        ),
        ({"RANK": "4", "WORLD_SIZE": "4"}, Ranks()),
        ({"RANK": "high", "WORLD_SIZE": "4"}, Ranks()),
        ({"WORLD_SIZE": "4"}, Ranks()),
    ],
)
def test_ranks_from_the_environment(environ: dict[str, str], expected: Ranks) -> None:
    found = read_ranks(environ)
    assert (found.rank, found.world, found.local_world) == (
        expected.rank,
        expected.world,
        expected.local_world,
    )
    assert (found.source == "environment") == (expected.world > 1)

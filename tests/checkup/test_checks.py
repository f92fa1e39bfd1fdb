"""Single checks on made-up machines, versions and files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastdata.checkup import machine
from fastdata.checkup.advisories import ADVISORIES, Advisory, security
from fastdata.checkup.examine import section
from fastdata.checkup.finding import Finding
from fastdata.checkup.storage import reading, storage
from fastdata.monitoring.throttling import read_throttling


def write_files(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def container(root: Path, throttled: int) -> Path:
    stat = f"usage_usec 1\nnr_periods 200\nnr_throttled {throttled}\nthrottled_usec 2500000\n"
    return write_files(
        root,
        {
            "proc/self/cgroup": "0::/pod\n",
            "sys/fs/cgroup/pod/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/pod/cpu.stat": stat,
        },
    )


def test_a_quota_that_ran_out_often_is_a_warning(tmp_path: Path) -> None:
    finding = machine.cores(root=container(tmp_path, throttled=80))
    assert finding.state == "warn"
    assert "held back in 40%" in finding.found
    assert "more than 1.5 cores" in finding.remedy
    assert machine.cores(root=container(tmp_path, throttled=2)).state in {"ok", "warn"}


def test_throttling_counts_in_seconds_in_both_versions(tmp_path: Path) -> None:
    v2 = read_throttling(root=container(tmp_path / "v2", throttled=80))
    v1 = read_throttling(
        root=write_files(
            tmp_path / "v1",
            {
                "proc/self/cgroup": "3:cpu,cpuacct:/job\n",
                "sys/fs/cgroup/cpu/job/cpu.stat": (
                    "nr_periods 200\nnr_throttled 80\nthrottled_time 2500000000\n"
                ),
            },
        )
    )
    assert v1 == v2
    assert v2 is not None and v2.throttled_seconds == pytest.approx(2.5)


def test_no_quota_is_no_throttling(tmp_path: Path) -> None:
    stat = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.stat": "usage_usec 12\n"}
    assert read_throttling(root=write_files(tmp_path, stat)) is None


def test_missing_shared_memory_is_said(tmp_path: Path) -> None:
    finding = machine.shared_memory(root=tmp_path)
    assert (finding.state, finding.found) == ("warn", "not there")


@pytest.mark.parametrize("advisory", ADVISORIES, ids=lambda advisory: advisory.identifier)
def test_one_version_before_each_fix_is_named_and_the_fix_is_enough(advisory: Advisory) -> None:
    (old,) = security({advisory.package: version_before(advisory.fixed)})
    assert advisory.identifier in old.found
    assert old.state in {advisory.state, "fail"}
    (fixed,) = security({advisory.package: advisory.fixed})
    assert advisory.identifier not in fixed.found


def version_before(fixed: str) -> str:
    """Such as 2.10.99 for 2.11.0 and 1.99 for 2.0.0."""
    parts = [int(part) for part in fixed.split(".")]
    last = max(at for at, part in enumerate(parts) if part)
    parts[last] -= 1
    return ".".join(map(str, [*parts[: last + 1], 99]))


def test_the_remedy_names_the_newest_fix_and_the_worst_fault_decides() -> None:
    (torch,) = security({"torch": "2.5.1+cu124"})
    assert torch.state == "fail"
    assert "torch>=2.11.0" in torch.remedy
    (hdf5,) = security({"HDF5": "1.14.6"})
    assert "h5py" in hdf5.remedy


def test_a_package_that_is_not_there_has_no_fault() -> None:
    assert security({"lmdb": None}) == (Finding("lmdb", "ok", "not installed"),)


def test_a_check_that_raises_is_a_finding_beside_the_others() -> None:
    def broken() -> Finding:
        raise OSError(5, "Input/output error")

    found = section("disk", [broken, lambda: Finding("next", "ok", "there")])
    assert [finding.state for finding in found.findings] == ["fail", "ok"]
    assert "Input/output error" in found.findings[0].found


def synced(path: Path, size: int) -> Path:
    with open(path, "wb") as stream:
        stream.write(os.urandom(size))
        stream.flush()
        os.fsync(stream.fileno())
    return path


def delivered_bytes() -> int:
    lines = Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
    return int(dict(line.split(": ") for line in lines)["read_bytes"])


def needs_counted_disk(folder: Path) -> None:
    """Skips where reading a forgotten file of the folder is not counted, as on a tmpfs."""
    path = synced(folder / "probe", 4 << 20)
    with open(path, "rb", buffering=0) as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        before = delivered_bytes()
        stream.read()
        counted = delivered_bytes() - before
    path.unlink()
    if counted < 3 << 20:
        pytest.skip("the folder is in memory, or the kernel does not count reads")


def test_a_forgotten_file_is_read_from_the_disk_and_the_line_says_so(tmp_path: Path) -> None:
    needs_counted_disk(tmp_path)
    path = synced(tmp_path / "data", 16 << 20)
    assert reading(path).disk_bytes == pytest.approx(16 << 20, rel=0.05)
    assert "from the disk" in storage(path).found


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a tmpfs")
def test_bytes_that_never_leave_memory_give_no_rate_of_the_disk() -> None:
    name = Path("/dev/shm") / f"fastdata-doctor-test-{os.getpid()}"
    try:
        finding = storage(synced(name, 16 << 20))
    finally:
        name.unlink()
    assert "no rate of the disk" in finding.found
    assert finding.state == "ok"


def test_an_empty_folder_gets_a_file_for_the_time_and_keeps_none(tmp_path: Path) -> None:
    assert reading(tmp_path).made
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_not_measured_and_no_failure() -> None:
    folder = Path("/proc/sys/kernel/random")
    if not folder.is_dir():
        pytest.skip("needs Linux")
    finding = storage(folder)
    assert finding.state == "warn"
    assert "not measured" in finding.found


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    finding = storage(tmp_path / "pipe")
    assert finding.state == "warn"
    assert "neither a file nor a folder" in finding.found


def test_a_pass_reads_the_largest_files_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    synced(tmp_path / "deep" / "large", 9 << 20)
    synced(tmp_path / "small", 1 << 10)
    reads = reading(tmp_path)
    assert not reads.made
    assert reads.size_bytes == (9 << 20) + (1 << 10)

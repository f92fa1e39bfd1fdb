"""``fastdata.Monitor`` beside real processes: what it shows is what they did."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from monitored import wait_for_samples

import fastdata
from fastdata.errors import StorageError, UsageError
from fastdata.monitoring import Monitor, Summary
from fastdata.monitoring.counting import Counting
from fastdata.monitoring.processes import ProcessTree, pss_bytes

MB = 1 << 20


# Works and rests in turns, then says how much CPU time that was, and for how long.
DUTY = """
import sys, time
start, cpu = time.monotonic(), time.process_time()
print(flush=True)
while time.monotonic() - start < 3.0:
    mark = time.process_time()
    while time.process_time() - mark < 0.02: pass
    time.sleep(0.03)
print((time.process_time() - cpu) / (time.monotonic() - start), flush=True)
sys.stdin.read()
"""


@contextmanager
def child(code: str, *words: object) -> Iterator[subprocess.Popen[str]]:
    """A child process that has printed one line, and ends when its input does."""
    arguments = [sys.executable, "-c", code, *map(str, words)]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        yield process
        process.stdin.close()


def mean(summary: Summary, name: str) -> float:
    figures = summary.figures(name)
    assert figures is not None, summary.unseen
    return figures.mean


def total(summary: Summary, name: str) -> float:
    return mean(summary, name) * summary.seconds


def test_a_child_of_known_duty_shows_it_as_worker_and_in_the_sum() -> None:
    with child(DUTY) as process:
        assert process.stdout is not None
        with Monitor(0.25) as monitor:
            duty = float(process.stdout.readline())
    summary = monitor.summary()
    assert mean(summary, "worker_cpu_cores_max") == pytest.approx(duty, rel=0.25, abs=0.03)
    # This process waits meanwhile, but samples.
    assert mean(summary, "cpu_cores") == pytest.approx(duty, rel=0.3, abs=0.08)
    share = mean(summary, "cpu_share") * summary.cores_allowed
    assert share == pytest.approx(mean(summary, "cpu_cores"))


def test_children_that_come_and_go_between_samples_are_counted() -> None:
    code = "import time\nwhile time.process_time() < 0.3: pass"
    with Monitor(10.0) as monitor:
        for _ in range(3):
            subprocess.run([sys.executable, "-c", code], check=True)
    # The kernel tells whole ticks of 10 ms for user and system time of each.
    assert total(monitor.summary(), "cpu_cores") >= 0.84


# A child starts a grandchild that works; told by a line, the child ends, so that nobody here waits
# for the grandchild; told by a second one, the grandchild ends and the first process works.
ORPHAN = """
import os, sys, time
def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
(child_reads, child_tell), (grand_reads, grand_tell) = os.pipe(), os.pipe()
child = os.fork()
if not child:
    os.close(child_tell); os.close(grand_tell)
    if os.fork():
        os.read(child_reads, 1)
    else:
        work(0.5)
        print(os.getpid(), flush=True)
        os.read(grand_reads, 1)
    os._exit(0)
sys.stdin.readline(); os.close(child_tell); os.waitpid(child, 0); print(flush=True)
sys.stdin.readline(); os.close(grand_tell); work(0.3); print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def adopting() -> Iterator[None]:
    """Makes this process the one that waits for orphans."""
    libc = ctypes.CDLL(None, use_errno=True)
    set_child_subreaper = 36
    assert libc.prctl(set_child_subreaper, 1, 0, 0, 0) == 0
    yield
    libc.prctl(set_child_subreaper, 0, 0, 0, 0)


def test_the_end_of_an_orphan_hides_no_work_of_the_others(adopting: None) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        orphan = int(process.stdout.readline())
        counting = Counting(ProcessTree(process.pid), from_start=False)

        def go_on() -> None:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            process.stdout.readline()

        go_on()
        counting.look()
        assert orphan in counting.pids
        go_on()
        os.waitpid(orphan, 0)
        counting.look()
        gained = counting.gained(lambda used: used.cpu_seconds_all)
        process.stdin.close()
    assert 0.25 <= gained < 0.6


def test_bytes_from_the_disk_are_counted_and_those_from_the_page_cache_are_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "data"
    with open(path, "wb") as stream:
        stream.write(os.urandom(32 * MB))
        stream.flush()
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    # It stays until its last bytes have been seen, as whoever trains on them does.
    code = "import sys, time; open(sys.argv[1], 'rb').read(); time.sleep(0.5)"
    reads = []
    for _ in range(2):
        with Monitor(0.1) as monitor:
            subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True)
        reads.append(total(monitor.summary(), "read_bytes_per_second"))
    if reads[0] == 0:
        pytest.skip("the temporary folder is in memory, or the kernel does not count reads")
    assert reads[0] == pytest.approx(32 * MB, rel=0.1)
    assert reads[1] < 8 * MB


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody else")
def test_what_another_user_hides_is_named_and_not_shown_as_zero() -> None:
    code = (
        "import os\n"
        "from fastdata.monitoring import Monitor\n"
        "watched = os.getppid()\n"
        "with Monitor(0.1) as first: pass\n"  # what is imported late is there now
        "os.setgid(65534); os.setuid(65534)\n"
        "with Monitor(0.1, pid=watched) as monitor: pass\n"
        "print(*monitor.summary().unseen, sep='\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    for what in ("storage reads", "memory"):
        assert any(line.startswith(f"{what}: ") and "hide theirs" in line for line in lines)


def test_memory_that_processes_share_counts_once() -> None:
    # Fills a shared mapping, forks, and both read all of it.
    code = (
        "import mmap, os, sys\n"
        f"pages = mmap.mmap(-1, {64 * MB})\n"
        f"pages.write(b'x' * {64 * MB})\n"
        "done, tell = os.pipe()\n"
        "child = os.fork()\n"
        "sum(pages[::4096])\n"
        "if not child: os.write(tell, b'.'); sys.stdin.read(); os._exit(0)\n"
        "os.read(done, 1)\n"
        "print(child, flush=True); sys.stdin.read(); os.waitpid(child, 0)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        other = int(process.stdout.readline())
        (both, _), (one, _) = pss_bytes([process.pid, other]), pss_bytes([other])
        with Monitor(0.1, pid=process.pid) as monitor:
            wait_for_samples(monitor, 2)
        process.stdin.close()
    assert both is not None and one is not None
    assert 64 * MB <= both < 100 * MB
    assert 32 * MB <= one < 64 * MB
    assert 64 * MB <= mean(monitor.summary(), "pss_bytes") < 100 * MB


def test_page_faults_are_counted() -> None:
    with Monitor(0.1) as monitor:
        pages = mmap.mmap(-1, 64 * MB)
        for at in range(0, 64 * MB, mmap.PAGESIZE):
            pages[at] = 1
    faults = total(monitor.summary(), "minor_faults_per_second")
    # Huge pages take 512 faults less each.
    assert faults >= 64 * MB / (512 * mmap.PAGESIZE)


def test_shared_memory_in_use_is_shown() -> None:
    folder = Path("/dev/shm")
    if not folder.is_dir():
        pytest.skip("needs /dev/shm")
    path = folder / f"fastdata-monitor-test-{os.getpid()}"
    try:
        with Monitor(0.1) as monitor:
            path.write_bytes(bytes(32 * MB))
            wait_for_samples(monitor, 2)
    finally:
        path.unlink(missing_ok=True)
    figures = monitor.summary().figures("shm_bytes")
    assert figures is not None
    assert figures.peak >= 32 * MB


def test_a_callback_that_raises_is_named_once_and_the_run_goes_on() -> None:
    def broken(_sample: object) -> None:
        raise ValueError("no terminal")

    monitor = Monitor(0.05)
    monitor.on_sample = broken
    with monitor:
        wait_for_samples(monitor, 2)
    summary = monitor.summary()
    assert summary.samples >= 2
    assert [line for line in summary.unseen if "no terminal" in line] == [
        "sampler: ValueError: no terminal"
    ]


def test_a_summary_can_be_asked_for_while_it_runs() -> None:
    with Monitor(0.05) as monitor:
        wait_for_samples(monitor, 2)
        early = monitor.summary()
    assert 0 < early.samples < monitor.summary().samples


def test_wrong_arguments_are_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"interval is 0 seconds; expected at least 0\.05"):
        Monitor(0)
    with pytest.raises(UsageError, match=r"ends in '.txt'; expected .jsonl or .csv"):
        with Monitor(1.0, out=tmp_path / "run.txt"):
            pass
    with pytest.raises(StorageError, match="choose another file"):
        with Monitor(1.0, out=tmp_path / "missing" / "run.csv"):
            pass


def test_it_is_entered_once_and_before_it_is_asked() -> None:
    monitor = Monitor(1.0)
    with pytest.raises(UsageError, match="never entered; use 'with Monitor"):
        monitor.summary()
    with monitor:
        pass
    with pytest.raises(UsageError, match="make another one"), monitor:
        pass
    assert monitor.summary().samples == 1


def test_the_root_name_is_the_same_class() -> None:
    assert fastdata.Monitor is Monitor

"""What processes have used so far, from /proc: CPU time, faults, bytes read, memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Everything", "ProcessTree", "Used", "counts_reads", "pss_bytes", "read_used"]

PROC = Path("/proc")
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01


@dataclass(frozen=True, kw_only=True)
class Used:
    """Counters of one process, which only rise.

    Those that include children count the ones that have ended and were waited for: a sum over a
    tree of processes loses nothing when a member ends.

    Attributes:
        pid: Its number.
        parent: That of the process that waits for it.
        started_ticks: When it started, in clock ticks since boot; the next owner of the number has
            another one.
        cpu_seconds: Its own CPU time, without children.
        cpu_seconds_all: With children.
        minor_faults: Page faults that needed no disk, with children.
        major_faults: Page faults that waited for a disk, with children.
        read_bytes: Bytes that storage delivered, with children; None where this may not be seen.
    """

    pid: int
    parent: int
    started_ticks: int
    cpu_seconds: float
    cpu_seconds_all: float
    minor_faults: int
    major_faults: int
    read_bytes: int | None


def read_used(pid: int) -> Used | None:
    """The counters of a process, or None when it is gone; one that has ended still has them.

    Source: Linux man-pages, proc_pid_stat(5) and proc_pid_io(5).
    """
    fields = _stat(pid)
    try:
        read_bytes = _read_bytes(pid)
    except ProcessLookupError:
        return None
    if fields is None:
        return None
    user, system, waited_user, waited_system = (int(fields[at]) for at in (13, 14, 15, 16))
    return Used(
        pid=pid,
        parent=int(fields[3]),
        started_ticks=int(fields[21]),
        cpu_seconds=(user + system) * TICK_SECONDS,
        cpu_seconds_all=(user + system + waited_user + waited_system) * TICK_SECONDS,
        minor_faults=int(fields[9]) + int(fields[10]),
        major_faults=int(fields[11]) + int(fields[12]),
        read_bytes=read_bytes,
    )


def _stat(pid: int) -> list[str] | None:
    """The fields of a process's stat file, of which field n of the manual is at n - 1."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in brackets, which may hold brackets and blanks itself, is left out.
    return ["", "", *text[text.rindex(")") + 2 :].split()]


def _read_bytes(pid: int) -> int | None:
    """Bytes that storage delivered; None where they are hidden or not counted at all.

    Raises:
        ProcessLookupError: The process is gone.
    """
    try:
        lines = (PROC / str(pid) / "io").read_text(encoding="utf-8").splitlines()
    except PermissionError:
        return None
    except OSError:
        if counts_reads():
            raise ProcessLookupError(pid) from None
        return None
    return int(next(line for line in lines if line.startswith("read_bytes:")).split()[1])


def counts_reads() -> bool:
    """Whether this kernel counts what processes read from storage."""
    return (PROC / "self" / "io").exists()


def pss_bytes(pids: Iterable[int]) -> tuple[int | None, int]:
    """Memory of some processes, in which a page that n of them share counts 1/n to each.

    The kernel walks all their pages for it, some milliseconds a gigabyte.

    Returns:
        The sum over those that may be looked into, None when there are none; and the number of
        those that may not.

    Source: Linux kernel, Documentation/filesystems/proc.rst, "smaps_rollup".
    """
    total, seen, hidden = 0, 0, 0
    for pid in pids:
        try:
            text = (PROC / str(pid) / "smaps_rollup").read_text(encoding="utf-8")
        except PermissionError:
            hidden += 1
            continue
        except OSError:  # ended, or a kernel thread, or a kernel without this file
            continue
        sizes = [int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")]
        total += 1024 * sum(sizes)
        seen += bool(sizes)
    return (total if seen else None), hidden


class Everything:
    """All processes that this one sees; in a container, those of the container."""

    root: int | None = None

    def members(self) -> list[int]:
        """Their numbers now."""
        try:
            return [int(name) for name in os.listdir(PROC) if name.isdigit()]
        except OSError:  # no Linux
            return []


class ProcessTree:
    """A process and all that it started, also those whose parents have ended.

    Args:
        root: Number of the first one.
    """

    def __init__(self, root: int) -> None:
        self.root: int | None = root
        self._first = root
        # Start times, so that a number that was given anew is not taken for the old process.
        self._known: dict[int, int] = {}

    def members(self) -> list[int]:
        """Their numbers now, the root first while it is there."""
        found: dict[int, int] = {}
        queue = [self._first, *self._known]
        for pid in queue:
            if pid in found:
                continue
            started = _started(pid)
            if started is None or self._known.get(pid, started) != started:
                continue
            found[pid] = started
            queue += _children(pid)
        self._known = found
        return list(found)


def _started(pid: int) -> int | None:
    fields = _stat(pid)
    return None if fields is None else int(fields[21])


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for thread in os.listdir(PROC / str(pid) / "task"):
            text = (PROC / str(pid) / "task" / thread / "children").read_text(encoding="utf-8")
            children += map(int, text.split())
    except FileNotFoundError:  # the process is gone, or the kernel does not keep these lists
        with contextlib.suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children()]
    except OSError:
        pass
    return children

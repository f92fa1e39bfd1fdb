"""What a process has read, and whether that came from the page cache or from storage.

The kernel counts for each process what its reads were given (``rchar``), what was fetched for it
from block devices or a network's file server (``read_bytes``, with what was read ahead), and the
page faults that had to wait for storage, by which a mapped file is read. None of it needs rights
beyond one's own process.

With the looks at the page cache (`residency`) it costs a worker 0.04 ms a batch of 64 files that
are opened and read, 1 % of one that does nothing else (825 times two batches with it and two
without, as ABBA, on two quiet cores: 0.02-0.06 ms, and 0.12 when each file was asked about).

Source: Linux kernel, Documentation/filesystems/proc.rst, section 3.3, /proc/<pid>/io.
"""

from __future__ import annotations

import math
import os
import time
from typing import NamedTuple

from fastdata.timing import Clock

__all__ = ["StorageMeter", "Usage", "process_usage", "thread_usage", "waited_for_cores"]

# One look takes 7 us, and up to 200 where batches have driven its code out of the caches.
_EVERY_SECONDS = 1.0
# Of what reads were given; less are inodes and folders, of which some page is read now and then.
_LEAST_SHARE = 0.01
# Batches at the beginning after each of which it is read: the run may be short.
_FIRST = 8


class Usage(NamedTuple):
    """What the kernel counts of a thread or of a process.

    Attributes:
        faults: Page faults that waited for storage.
        cpu: Seconds of CPU time.
    """

    faults: int
    cpu: float


def thread_usage() -> Usage:
    """Of the calling thread; no faults where the system does not count them by thread."""
    return _usage("RUSAGE_THREAD")


def process_usage() -> Usage:
    """Of all threads of this process."""
    return _usage("RUSAGE_SELF")


def _usage(name: str) -> Usage:
    try:
        import resource

        found = resource.getrusage(getattr(resource, name))
    except (ImportError, AttributeError, ValueError):
        return Usage(0, 0.0)
    return Usage(found.ru_majflt, found.ru_utime + found.ru_stime)


def waited_for_cores() -> float:
    """Seconds that the threads of this process, together, were ready to run and had no core."""
    total = 0
    try:
        for task in os.listdir("/proc/self/task"):
            total += int(_contents(f"/proc/self/task/{task}/schedstat").split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return total / 1e9


class StorageMeter:
    """Counts what this process reads while it makes batches.

    Args:
        path: Of the kernel's account of a process.
        clock: The wall clock.

    Attributes:
        sees_storage: Whether something came from storage just now.
        due_at: When it is time to look at the account, on the clock.
    """

    def __init__(self, path: str = "/proc/self/io", *, clock: Clock = time.perf_counter) -> None:
        self._path = path
        self._clock = clock
        self._descriptor = -1
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._before: tuple[int, int] | None = None
        self._faults = 0
        self._taken = 0
        self.due_at = -math.inf
        # Nothing is known of the first batch, which is the likeliest to come from there.
        self.sees_storage = True

    def take(self) -> dict[str, float]:
        """What was read since the last look at the account, by the names of `worklane.COUNTERS`.

        That is nothing where the last look was just now and saw nothing come from storage, and the
        first time, since with a first batch a process still loads code.
        """
        if self._pid != os.getpid():  # a forked worker has an account of its own
            self._close()
            self._begin()
        now = self._clock()
        if now < self.due_at:
            return {}
        self._taken += 1
        before, self._faults = self._faults, process_usage().faults
        if self._taken == 1:
            self._before = self._account()
            return {}
        grown = self._faults - before
        found: dict[str, float] = {"page_faults": grown} if grown else {}
        found |= self._read()
        fetched, asked = found.get("storage_bytes", 0.0), found.get("read_bytes", 0.0)
        self.sees_storage = bool(grown) or fetched > _LEAST_SHARE * asked
        # While something comes from storage a look costs nothing beside the wait for it.
        if self._taken >= _FIRST and not self.sees_storage:
            self.due_at = now + _EVERY_SECONDS
        return found

    def _read(self) -> dict[str, float]:
        before, self._before = self._before, self._account()
        if before is None or self._before is None:
            return {"uncounted": 1}
        asked, fetched = (now - then for now, then in zip(self._before, before, strict=True))
        return {"read_bytes": asked, "storage_bytes": fetched, "counted": 1}

    def _account(self) -> tuple[int, int] | None:
        """Bytes that reads were given, and bytes that came from storage."""
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            text = os.pread(self._descriptor, 4096, 0)
            told = dict(line.split(b": ") for line in text.splitlines())
            return int(told[b"rchar"]), int(told[b"read_bytes"])
        except (OSError, ValueError, KeyError):
            return None

    def __del__(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def _contents(path: str) -> bytes:
    # Below `open`, which is itself a stage while a batch is made.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)

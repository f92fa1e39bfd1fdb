"""One stretch of memory that all workers share, filled by whoever has something to keep.

::

    used, int64 | for each sample its (offset, length), int64 | frozen samples, one after the other

Memory is only taken where something was written. It has no name in the file system, so nothing is
left behind however its users end. A writer that dies in the middle has published nothing, and its
lock is released by the system.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from multiprocessing import context, reduction
from typing import Any

import numpy as np

__all__ = ["Arena"]

if sys.platform != "win32":
    import fcntl


class Arena:
    """Frozen samples in shared memory; works across fork, spawn and threads.

    Pickled for a worker process it is the same memory there; pickled otherwise it is an empty one
    of the same size.

    Args:
        count: Number of samples.
        capacity_bytes: Bytes of frozen samples that may be kept.
        fd: An open file that holds the arena already, or None to begin a new one.
    """

    def __init__(self, count: int, capacity_bytes: int, fd: int | None = None) -> None:
        self.count = count
        self.capacity_bytes = capacity_bytes
        table_bytes = 8 + 16 * count
        self._fd = _anonymous_file(table_bytes + capacity_bytes) if fd is None else fd
        self._map = mmap.mmap(self._fd, table_bytes + capacity_bytes)
        table = np.frombuffer(self._map, np.int64, 1 + 2 * count)
        self._used, self._places = table[:1], table[1:].reshape(count, 2)
        self._data = memoryview(self._map)[table_bytes:]
        self._thread_lock = threading.Lock()
        self._pid = os.getpid()

    def get(self, index: int) -> memoryview | None:
        """The frozen sample, or None when nobody has kept it yet."""
        offset, length = self._places[index].tolist()
        return self._data[offset : offset + length] if length else None

    def put(self, index: int, data: bytes) -> bool:
        """Keep a frozen sample; False when there is no room for it."""
        with self._lock():
            if self._places[index, 1]:
                return True
            offset = int(self._used[0])
            if offset + len(data) > self.capacity_bytes:
                return False
            self._data[offset : offset + len(data)] = data
            self._used[0] = offset + len(data)
            # The length comes last: it is what a reader goes by.
            self._places[index, 0] = offset
            self._places[index, 1] = len(data)
        return True

    @property
    def used_bytes(self) -> int:
        """Bytes of the samples that are kept."""
        return int(self._used[0])

    @property
    def kept(self) -> int:
        """Number of samples that are kept."""
        return int(np.count_nonzero(self._places[:, 1]))

    def __reduce__(self) -> tuple[Any, ...]:
        if context.get_spawning_popen() is None:
            return Arena, (self.count, self.capacity_bytes)
        return _attach, (self.count, self.capacity_bytes, reduction.DupFd(self._fd))

    def __del__(self) -> None:
        # Views of the map keep it open; the file itself is not needed for them.
        with contextlib.suppress(OSError, AttributeError):
            os.close(self._fd)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        if self._pid != os.getpid():
            # Another thread may have held it when this process was forked, and is not here.
            self._thread_lock, self._pid = threading.Lock(), os.getpid()
        # The file lock keeps processes apart, and ends with its holder; threads share it.
        with self._thread_lock:
            fcntl.lockf(self._fd, fcntl.LOCK_EX, 1)
            try:
                yield
            finally:
                fcntl.lockf(self._fd, fcntl.LOCK_UN, 1)


def _attach(count: int, capacity_bytes: int, handle: Any) -> Arena:
    return Arena(count, capacity_bytes, handle.detach())


def _anonymous_file(size_bytes: int) -> int:
    if hasattr(os, "memfd_create"):
        # Not in /dev/shm, which containers keep small.
        fd = os.memfd_create("fastdata-cache", os.MFD_CLOEXEC)
    else:
        fd, name = tempfile.mkstemp(prefix="fastdata-cache-")
        os.unlink(name)
    os.ftruncate(fd, size_bytes)
    return fd

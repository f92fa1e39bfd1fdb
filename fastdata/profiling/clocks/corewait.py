"""How long a thread was ready to run while others had the cores."""

from __future__ import annotations

import os

__all__ = ["CoreClock"]


class CoreClock:
    """Reads the run delay of the thread that made it.

    Source: Linux kernel, Documentation/scheduler/sched-stats.rst, /proc/<pid>/schedstat.
    """

    def __init__(self) -> None:
        try:
            # Kept open: opening a file of /proc costs ten times as much as reading it again.
            self._descriptor = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._descriptor = -1
        self._before = self._total()

    def read(self) -> float | None:
        """Seconds since the last reading; None where the system does not say."""
        total, before = self._total(), self._before
        self._before = total
        return None if total is None or before is None else max(0.0, total - before)

    def _total(self) -> float | None:
        if self._descriptor < 0:
            return None
        try:
            return int(os.pread(self._descriptor, 128, 0).split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return None

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

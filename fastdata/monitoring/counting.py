"""What processes used between two looks, whichever of them came and went."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from fastdata.monitoring.processes import Everything, ProcessTree, Used, read_used
from fastdata.monitoring.records import Worker

__all__ = ["MOST_WORKERS", "Counting"]

# More lines than this nobody reads, and each costs the log.
MOST_WORKERS = 32


class Counting:
    """Differences of the counters of some processes.

    Args:
        processes: Whose.
        from_start: Count what they used before the first look as well, which is right for a command
            that was just started.
    """

    def __init__(self, processes: ProcessTree | Everything, *, from_start: bool) -> None:
        self._processes = processes
        self._before: dict[int, Used] = {}
        self._now: dict[int, Used] = {}
        self._before_at = self._now_at = time.monotonic()
        if not from_start:
            self.look()

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes at the last look."""
        return tuple(self._now)

    @property
    def hidden_reads(self) -> int:
        """Processes at the last look whose reads may not be seen."""
        return sum(used.read_bytes is None for used in self._now.values())

    def look(self) -> None:
        """Takes the counters as they are now."""
        self._before, self._before_at = self._now, self._now_at
        # Between a sample's own time and this one, a busy machine may have made us wait.
        self._now_at = time.monotonic()
        seen = (read_used(pid) for pid in self._processes.members())
        self._now = {used.pid: used for used in seen if used is not None}

    def gained(self, counter: Callable[[Used], float]) -> float:
        """How much a counter of all of them rose between the last two looks.

        A process that ended left its counters to the one that waited for it; where that one is not
        watched, they must not be missed from the sum.
        """
        left = [
            used
            for used in self._before.values()
            if _same(self._now, used) is None and used.parent not in self._before
        ]
        before = sum(map(counter, self._before.values())) - sum(map(counter, left))
        return max(0.0, sum(map(counter, self._now.values())) - before)

    @property
    def seconds(self) -> float:
        """Between the last two looks, or since the start and the first one."""
        return max(self._now_at - self._before_at, 1e-6)

    def workers(self) -> tuple[Worker, ...]:
        """Processes other than the root over the last interval, the busiest first."""
        found = [
            Worker(pid, (used.cpu_seconds - self._earlier(used)) / self.seconds)
            for pid, used in self._now.items()
            if pid != self._processes.root
        ]
        return tuple(sorted(found, key=lambda worker: -worker.cpu_cores)[:MOST_WORKERS])

    def _earlier(self, used: Used) -> float:
        earlier = _same(self._before, used)
        return 0.0 if earlier is None else earlier.cpu_seconds


def _same(processes: Mapping[int, Used], used: Used) -> Used | None:
    """The process among others; another one that got its number later is none."""
    found = processes.get(used.pid)
    return found if found is not None and found.started_ticks == used.started_ticks else None

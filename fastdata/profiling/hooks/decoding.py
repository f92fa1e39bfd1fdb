"""The core as a batch uses it, its decoding told from its resizing in whichever thread it runs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from fastdata.profiling.clocks.stageclock import PAGE_FAULTS
from fastdata.profiling.clocks.storage import process_usage, waited_for_cores
from fastdata.profiling.recorders.working import Worker

if TYPE_CHECKING:
    # This is loaded in every process that is profiled, and only those with a FastLoader decode.
    from fastdata.cores import Core, FieldBatch
    from fastdata.cores.contract import Failures

__all__ = ["TimedCore"]

_IDLE = ("other", "threads without work")
_REST = ("other", "")


class TimedCore:
    """A core that a worker uses.

    Args:
        core: What does the work.
        worker: Told what it took.
    """

    def __init__(self, core: Core, worker: Worker) -> None:
        self._core = core
        self._worker = worker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def decode_batch(self, batch: FieldBatch, *, threads: int) -> Failures:
        """As the core has it; takes down what each sample took to decode and to resize."""
        clock = self._worker.clock
        if not clock.enter("decode"):
            return self._core.decode_batch(batch, threads=threads)
        count = len(batch)
        seconds = np.zeros((count, 2))
        waiting = _Waiting() if clock.watches_faults else None
        start = time.perf_counter()
        try:
            return self._core.decode_batch(batch, threads=threads, stage_seconds=seconds)
        finally:
            wall = time.perf_counter() - start
            sharing = max(1, min(threads, count))
            decode, resize = (float(part) for part in seconds.sum(axis=0) / sharing)
            rest = _IDLE if sharing > 1 else _REST
            parts = {("resize", ""): resize, rest: max(0.0, wall - decode - resize)}
            if waiting is not None:
                waited = waiting.seconds((decode + resize) * sharing) / sharing
                parts[PAGE_FAULTS] = min(decode, waited)
            clock.leave_shared(parts)
            self._worker.count({"threads": sharing})
            self._worker.time_samples(seconds.sum(axis=1))


class _Waiting:
    """How long the threads of this process wait for storage, from now on."""

    def __init__(self) -> None:
        self._before = process_usage()
        self._others = _other_cpu()
        self._without_core = waited_for_cores()

    def seconds(self, busy: float) -> float:
        """Of the seconds that threads were at work, those in which they waited.

        What they neither computed nor waited for a core in; none unless the kernel says that they
        waited for storage at all.
        """
        now = process_usage()
        if now.faults == self._before.faults:
            return 0.0
        cpu = now.cpu - self._before.cpu - (_other_cpu() - self._others)
        return max(0.0, busy - cpu - (waited_for_cores() - self._without_core))


def _other_cpu() -> float:
    """CPU time of the training thread, where another one makes the batches."""
    main = threading.main_thread()
    if main is threading.current_thread() or main.ident is None:
        return 0.0
    return time.clock_gettime(time.pthread_getcpuclockid(main.ident))

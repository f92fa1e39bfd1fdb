"""Batches made ahead of time by one producer thread, in order.

::

    main thread                       producer thread
    work ── next indices ──> tasks ──> make ──> results ──> next(batches)

The main thread alone draws indices, one batch for each that it takes, so that a user's sampler
runs where it would run under a DataLoader. The producer knows the two queues and what makes a
batch, never the iterator: dropping the iterator ends the thread.
"""

from __future__ import annotations

import os
import queue
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from fastdata.engines.work import EMPTY, Made, Report
from fastdata.errors import WorkerTimeout

__all__ = ["Make", "Prefetched", "Synchronous"]

Make = Callable[[Any], Made]
"""A task (what the work yields) to its batch."""


class Synchronous:
    """Batches made when they are asked for, on the caller's thread.

    Args:
        work: Yields the tasks.
        make: Makes one batch of a task.
        report: Told of skipped samples.
    """

    def __init__(self, work: Iterator[Any], make: Make, report: Report) -> None:
        self._work = work
        self._make = make
        self._report = report

    def begin(self) -> None:
        """Nothing, since there is no other thread."""

    def __next__(self) -> Any:
        return _handed(self._make(next(self._work)), self._report)


class Prefetched:
    """Batches made ahead by a producer thread.

    The producer starts with `begin` or the first `next`, and ends with the last batch, `close`, an
    error, or when nothing refers to this object any more. After an error, `next` goes on with the
    following batch, as a DataLoader does.

    Args:
        work: Yields the tasks, on the thread that calls `begin` or `next`.
        make: Makes one batch of a task, on the producer thread.
        report: Told of skipped samples, on the thread that calls `next`.
        depth: Batches that may be made or waiting at once, at least 1.
        timeout_seconds: Longest wait for a batch; 0 waits for ever.
    """

    def __init__(
        self,
        work: Iterator[Any],
        make: Make,
        report: Report,
        *,
        depth: int,
        timeout_seconds: float = 0,
    ) -> None:
        self._work = work
        self._make = make
        self._report = report
        self._depth = depth
        self._timeout_seconds = timeout_seconds
        self._waiting: deque[Any] = deque()
        self._running: _Producer | None = None
        self._owner_pid = os.getpid()

    def begin(self) -> None:
        """Has as many batches made as may be waiting."""
        while len(self._waiting) < self._depth and self._feed():
            pass
        if self._waiting and (self._running is None or self._owner_pid != os.getpid()):
            # A forked child inherits the queues but not the thread.
            self._start()

    def __next__(self) -> Any:
        self.begin()
        if not self._waiting:
            self.close()
            raise StopIteration
        assert self._running is not None
        result = self._take(self._running)
        self._waiting.popleft()
        if isinstance(result, BaseException):
            self.close()
            raise result
        return _handed(result, self._report)

    def close(self) -> None:
        """Ends the thread; batches it had made are made again if `next` is called."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    def _feed(self) -> bool:
        for task in self._work:
            self._waiting.append(task)
            if self._running is not None:
                self._running.tasks.put(task)
            return True
        return False

    def _start(self) -> None:
        self._owner_pid = os.getpid()
        self._running = _Producer(self._make)
        for task in self._waiting:
            self._running.tasks.put(task)

    def _take(self, running: _Producer) -> Made | BaseException:
        try:
            return running.results.get(timeout=self._timeout_seconds or None)
        except queue.Empty:
            # The opening words are DataLoader's own, for those who look for them.
            raise WorkerTimeout(
                f"DataLoader timed out after {self._timeout_seconds} seconds: no batch was ready; "
                "raise timeout=, or 0 to wait for ever"
            ) from None


def _handed(made: Made, report: Report) -> Any:
    if made.skipped:
        report(made.skipped)
    return made.batch if made.size else EMPTY


class _Producer:
    """The thread and its queues; the thread itself refers to no `_Producer`."""

    def __init__(self, make: Make) -> None:
        self.tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.results: queue.SimpleQueue[Made | BaseException] = queue.SimpleQueue()
        stopped = threading.Event()
        # A daemon, because the interpreter joins other threads before it runs the finalizer below.
        thread = threading.Thread(
            target=_produce,
            args=(self.tasks, self.results, stopped, make),
            name="fastdata-producer",
            daemon=True,
        )
        thread.start()
        self.stop = weakref.finalize(self, _stop, thread, self.tasks, stopped)


_END = object()


def _produce(
    tasks: queue.SimpleQueue[Any],
    results: queue.SimpleQueue[Made | BaseException],
    stopped: threading.Event,
    make: Make,
) -> None:
    while (task := tasks.get()) is not _END and not stopped.is_set():
        try:
            results.put(make(task))
        except BaseException as error:
            results.put(error)
        del task


def _stop(
    thread: threading.Thread, tasks: queue.SimpleQueue[Any], stopped: threading.Event
) -> None:
    stopped.set()
    tasks.put(_END)
    # The last reference may be dropped by a garbage collection that runs on the producer itself.
    if thread is not threading.current_thread():
        thread.join()

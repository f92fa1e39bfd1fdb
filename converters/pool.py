"""Worker processes that may crash or hang without taking the conversion with them.

    items -> dispatch (a few ahead for each worker) -> worker processes -> reorder -> source order

Results come in source order whatever the number of workers and whichever is faster. Each worker
answers in the order it was asked, so when one dies or falls silent, the first unanswered item is
to blame: it gets one more try in a fresh process (a worker may have been killed for no fault of the
item) and is then given up; the items behind it go to other workers.
"""

from __future__ import annotations

import heapq
import selectors
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

from fastdata.converters.paths import display
from fastdata.converters.process import WorkerProcess
from fastdata.converters.source import Item
from fastdata.converters.worker import Job, attempt
from fastdata.errors import FastDataError, WorkerDied, WorkerError, WorkerTimeout

__all__ = ["Outcome", "WorkerPool"]

# Results that may wait for an earlier one, so that one slow item does not fill the memory.
_WAITING_RESULTS = 512
_WAITING_BYTES = 256 << 20
_TRIES = 2
_FAILED_STARTS = 3


class Outcome(NamedTuple):
    """What became of one item: a value, or the error that says why there is none."""

    position: int
    item: Item
    value: Any
    error: FastDataError | None


class WorkerPool:
    """Runs jobs over items, in `count` processes or, with 0, in this one.

    Args:
        count: Number of processes; they start with the first run. Where sockets cannot be handed
            to a subprocess (Windows), the items are worked on in this process.
        item_timeout: Seconds that one item may take; without meaning when `count` is 0.
    """

    def __init__(self, count: int, *, item_timeout: float) -> None:
        self.count = count if hasattr(socket, "AF_UNIX") else 0
        self.item_timeout = item_timeout
        self.workers: list[WorkerProcess] = []
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all workers at once; they hold nothing that needs saving."""
        while self.workers:
            self.remove(self.workers[-1])
        self._selector.close()

    def run(self, job: Job, items: Sequence[Item], *, start: int = 0) -> Iterator[Outcome]:
        """Yields the outcome of every item from `start` on, in source order.

        Raises:
            WorkerError: Worker processes cannot be started.
        """
        if self.count:
            yield from _Run(self, job, items, start).outcomes()
            return
        for index in range(start, len(items)):
            item = items[index]
            yield Outcome(index, item, *attempt(job, item))

    def add(self, job: Job) -> None:
        """Starts one more process."""
        worker = WorkerProcess(job, self.item_timeout)
        self.workers.append(worker)
        self._selector.register(worker, selectors.EVENT_READ)

    def remove(self, worker: WorkerProcess) -> int:
        """Ends one process and returns its exit status."""
        self._selector.unregister(worker)
        self.workers.remove(worker)
        return worker.end()

    def wait(self, seconds: float) -> list[WorkerProcess]:
        """Workers that answered or ended, waiting at most so many seconds for the first."""
        found = self._selector.select(max(0.0, min(seconds, 3600.0)))
        return [key.fileobj for key, _ in found if isinstance(key.fileobj, WorkerProcess)]


class _Run:
    """One pass over the items."""

    def __init__(self, pool: WorkerPool, job: Job, items: Sequence[Item], start: int) -> None:
        self.pool, self.job, self.items = pool, job, items
        self.next = self.emit = start
        self.again: list[int] = []
        self.tries: dict[int, int] = {}
        self.done: dict[int, Outcome] = {}
        self.done_bytes: dict[int, int] = {}
        self.failed_starts = 0

    def outcomes(self) -> Iterator[Outcome]:
        for worker in self.pool.workers:
            worker.set_job(self.job)
        try:
            while self.emit < len(self.items):
                self._dispatch()
                self._collect(0.0 if self.emit in self.done else self._patience())
                while outcome := self.done.pop(self.emit, None):
                    self.done_bytes.pop(self.emit, None)
                    self.emit += 1
                    yield outcome
        finally:
            # After a break, late answers must not meet the questions of the next run.
            for worker in [worker for worker in self.pool.workers if worker.asked]:
                self.pool.remove(worker)

    def _dispatch(self) -> None:
        left = len(self.items) - self.emit
        while len(self.pool.workers) < min(self.pool.count, left):
            self.pool.add(self.job)
        while any(worker.room() for worker in self.pool.workers):
            if (index := self._take()) is None:
                return
            question = WorkerProcess.question(index, self.items[index])
            free = [worker for worker in self.pool.workers if worker.room(len(question))]
            if not free:
                heapq.heappush(self.again, index)
                return
            min(free, key=lambda worker: len(worker.asked)).ask(index, question)

    def _take(self) -> int | None:
        if self.again:
            return heapq.heappop(self.again)
        ahead = self.next - self.emit
        if self.next >= len(self.items) or ahead >= _WAITING_RESULTS:
            return None
        if ahead and sum(self.done_bytes.values()) > _WAITING_BYTES:
            return None
        self.next += 1
        return self.next - 1

    def _patience(self) -> float:
        return min(worker.deadline for worker in self.pool.workers) - time.monotonic()

    def _collect(self, seconds: float) -> None:
        heard = self.pool.wait(seconds)
        for worker in heard:
            try:
                nbytes, (index, value, error) = worker.answer()
            except BlockingIOError:
                self._lost(worker, timed_out=True)
            except (EOFError, OSError):
                self._lost(worker, timed_out=False)
            else:
                if index >= 0:
                    self.done_bytes[index] = nbytes
                    self.done[index] = Outcome(index, self.items[index], value, error)
        now = time.monotonic()
        for worker in [worker for worker in self.pool.workers if worker.deadline < now]:
            if worker not in heard:
                self._lost(worker, timed_out=True)

    def _lost(self, worker: WorkerProcess, *, timed_out: bool) -> None:
        status = self.pool.remove(worker)
        asked = [index for index, _ in worker.asked]
        if not worker.ready:
            self._failed_start(status, timed_out)
        elif asked:
            blamed = asked[0]
            self.tries[blamed] = self.tries.get(blamed, 0) + 1
            if self.tries[blamed] >= _TRIES:
                asked.pop(0)
                item = self.items[blamed]
                error = _loss(item, worker.pid, status, self.pool.item_timeout, timed_out)
                self.done[blamed] = Outcome(blamed, item, None, error)
        for index in asked:
            heapq.heappush(self.again, index)

    def _failed_start(self, status: int, timed_out: bool) -> None:
        self.failed_starts += 1
        if self.failed_starts >= _FAILED_STARTS:
            what = "gave no sign of life" if timed_out else f"ended with {_ending(status)}"
            raise WorkerError(
                f"{_FAILED_STARTS} worker processes {what} while they started; look above for "
                "their messages, or convert in one process with workers=0 (--workers 0)"
            )


def _loss(item: Item, pid: int, status: int, seconds: float, timed_out: bool) -> FastDataError:
    key = display(item.key)
    if timed_out:
        return WorkerTimeout(
            f"{key}: no result within {seconds:g} s, tried {_TRIES} times (worker process {pid}); "
            "raise item_timeout (--item-timeout) if the storage is slow"
        )
    hint = "; perhaps memory ran out: use fewer workers" if status == -signal.SIGKILL else ""
    return WorkerDied(
        f"{key}: worker process {pid} ended with {_ending(status)} on this item, tried "
        f"{_TRIES} times{hint}"
    )


def _ending(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"

"""The batches that a pipeline is making: added on one thread, taken on another."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections import deque
from collections.abc import Mapping
from typing import Any

from fastdata.engines.dali.inputs import ImageBatch
from fastdata.engines.dali.pool import PipelinePool

__all__ = ["Schedule"]

Inputs = Mapping[str, ImageBatch]


class Schedule:
    """The batches of one epoch that are being made, and the pipeline that makes them.

    One thread may add batches while another takes those whose `add` has returned. The pipeline goes
    back to the pool when this object does.

    Args:
        pool: Where the pipeline comes from.
    """

    def __init__(self, pool: PipelinePool) -> None:
        self._pool = pool
        self._waiting: deque[Inputs] = deque()
        # Empty or one; apart from this object, so that its end can still give it back.
        self._held: list[Any] = []
        # DALI's executor keeps what it has begun in a queue without a lock. Who waits in `take`
        # holds this one, and the pipeline has other batches to make meanwhile.
        self._turn = threading.Lock()
        self._pid = os.getpid()
        weakref.finalize(self, _give_back, pool, self._held).atexit = False

    def add(self, inputs: Inputs) -> None:
        """Begins with a batch; what DALI raises comes when it is taken."""
        self._forget_another_process()
        with self._turn:
            self._waiting.append(inputs)
            if not self._is_fit():
                with contextlib.suppress(Exception):
                    self._renew()
                return
            (pipeline,) = self._held
        try:
            # The long part. Only this thread feeds, and DALI's own read behind a lock.
            pipeline.feed(inputs)
            with self._turn:
                # Else it has failed meanwhile, and another one makes all that waits.
                if self._held == [pipeline]:
                    pipeline.run()
        except Exception:
            with self._turn:
                if self._held == [pipeline]:
                    self._held.clear()

    def take(self, inputs: Inputs) -> dict[str, Any]:
        """The images of a batch that was added, by field; none that was added before it remains.

        Raises:
            Exception: Whatever DALI raises. The batch is gone; those after it are made anew.
        """
        with self._turn:
            while self._waiting[0] is not inputs:
                # An interrupt has come between, and nobody will ask for it.
                self._waiting.popleft()
                self._held.clear()
            try:
                if not self._is_fit():
                    self._renew()
                images: dict[str, Any] = self._held[0].take()
            except BaseException:
                self._held.clear()
                raise
            finally:
                self._waiting.popleft()
        return images

    def _is_fit(self) -> bool:
        """Whether there is a pipeline, and it can make what waits."""
        return bool(self._held) and self._largest() <= self._held[0].spec.batch_size

    def _renew(self) -> None:
        """Begins with all batches that wait, in another pipeline."""
        self._held.clear()
        pipeline = self._pool.take(self._largest())
        for inputs in self._waiting:
            pipeline.feed(inputs)
            pipeline.run()
        self._held.append(pipeline)

    def _largest(self) -> int:
        """Samples of the largest batch that waits."""
        return max(len(next(iter(inputs.values()))) for inputs in self._waiting)

    def _forget_another_process(self) -> None:
        """After a fork, where the lock may be held for ever, and what waits is added again."""
        if self._pid != os.getpid():
            self._pid, self._turn = os.getpid(), threading.Lock()
            self._waiting.clear()
            self._held.clear()


def _give_back(pool: PipelinePool, held: list[Any]) -> None:
    if held:
        pool.give_back(held.pop())

"""Pipelines that outlive an epoch, since building one for a GPU takes a good part of a second."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import weakref
from collections import deque
from collections.abc import Mapping
from typing import Any

from fastdata.engines.dali.inputs import ImageBatch, PipelineSpec

__all__ = ["PipelinePool", "Schedule"]

Inputs = Mapping[str, ImageBatch]


class PipelinePool:
    """The pipelines of one loader; each serves one epoch at a time.

    They end with this object, and what memory DALI keeps for later is given back then.

    Args:
        spec: What they make; a batch may be larger than it says, and then brings a new pipeline.
    """

    def __init__(self, spec: PipelineSpec) -> None:
        self._spec = spec
        self._idle: list[Any] = []
        weakref.finalize(self, _end, self._idle).atexit = False

    def take(self, batch_size: int) -> Any:
        """An idle `ImagePipeline` for batches of up to `batch_size`, or a new one."""
        while self._idle:
            pipeline = self._idle.pop()
            if not pipeline.is_of_this_process or pipeline.spec.batch_size < batch_size:
                continue
            # What a broken epoch left behind. One that fails at it can no longer be used.
            with contextlib.suppress(Exception):
                while pipeline.pending:
                    pipeline.take()
                return pipeline
        size = max(batch_size, self._spec.batch_size)
        return _module().ImagePipeline(dataclasses.replace(self._spec, batch_size=size))

    def give_back(self, pipeline: Any) -> None:
        """Makes a pipeline idle; batches may be left in it."""
        self._idle.append(pipeline)


class Schedule:
    """The batches of one epoch that are being made, and the pipeline that makes them.

    The pipeline goes back to the pool when this object does.

    Args:
        pool: Where the pipeline comes from.
    """

    def __init__(self, pool: PipelinePool) -> None:
        self._pool = pool
        self._waiting: deque[Inputs] = deque()
        # Empty or one; apart from this object, so that its end can still give it back.
        self._held: list[Any] = []
        weakref.finalize(self, _give_back, pool, self._held).atexit = False

    def add(self, inputs: Inputs) -> None:
        """Begins with a batch."""
        self._waiting.append(inputs)
        if self._is_fit():
            self._held[0].schedule(inputs)
        else:
            self._renew()

    def take(self) -> dict[str, Any]:
        """The images of the oldest batch, by field.

        Raises:
            Exception: Whatever DALI raises. The batch is gone; those after it are made anew.
        """
        if not self._is_fit():
            self._renew()
        self._waiting.popleft()
        try:
            images: dict[str, Any] = self._held[0].take()
        except BaseException:
            self._held.clear()
            raise
        return images

    def _is_fit(self) -> bool:
        """Whether there is a pipeline, and it can make what waits."""
        if not self._held:
            return False
        pipeline = self._held[0]
        largest: int = pipeline.spec.batch_size
        return pipeline.is_of_this_process and self._largest() <= largest

    def _renew(self) -> None:
        """Begins with all batches that wait, in another pipeline."""
        self._held[:] = [self._pool.take(self._largest())]
        for inputs in self._waiting:
            self._held[0].schedule(inputs)

    def _largest(self) -> int:
        """Samples of the largest batch that waits."""
        return max(len(next(iter(inputs.values()))) for inputs in self._waiting)


def _give_back(pool: PipelinePool, held: list[Any]) -> None:
    if held:
        pool.give_back(held.pop())


def _end(idle: list[Any]) -> None:
    is_ours = any(pipeline.is_of_this_process for pipeline in idle)
    idle.clear()
    # A fork has none of the pipelines' threads, and no GPU.
    if is_ours:
        _module().give_memory_back()


def _module() -> Any:
    # Not at the top, because DALI takes seconds to import, and is optional.
    return importlib.import_module("fastdata.engines.dali.pipeline")

"""Pipelines that outlive an epoch, since building one for a GPU takes a good part of a second."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import weakref
from typing import Any

from fastdata.engines.dali.inputs import PipelineSpec

__all__ = ["PipelinePool"]


class PipelinePool:
    """The pipelines of one loader; each serves one epoch at a time, on threads of its own.

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
        while (pipeline := self._pop()) is not None:
            if not pipeline.is_of_this_process or pipeline.spec.batch_size < batch_size:
                continue
            # What a broken epoch left behind. One that fails at it can no longer be used.
            with contextlib.suppress(Exception):
                pipeline.discard()
                return pipeline
        size = max(batch_size, self._spec.batch_size)
        return _module().ImagePipeline(dataclasses.replace(self._spec, batch_size=size))

    def _pop(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def give_back(self, pipeline: Any) -> None:
        """Makes a pipeline idle; batches may be left in it."""
        self._idle.append(pipeline)


def _end(idle: list[Any]) -> None:
    is_ours = any(pipeline.is_of_this_process for pipeline in idle)
    idle.clear()
    # A fork has none of the pipelines' threads, and no GPU.
    if is_ours:
        _module().give_memory_back()


def _module() -> Any:
    # Not at the top, because DALI takes seconds to import, and is optional.
    return importlib.import_module("fastdata.engines.dali.pipeline")

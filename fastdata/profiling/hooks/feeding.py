"""Sees the host's part of a batch that DALI makes, and how long DALI is waited for."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import Any

from fastdata.profiling.hooks.patches import put_around
from fastdata.profiling.hooks.staging import as_work, running_worker, stage
from fastdata.profiling.recorders.recorder import current

__all__ = ["install_feeding"]

_WORKER = "_fastdata_worker"
_MAKER = "_fastdata_maker"


def install_feeding(undo: ExitStack) -> None:
    """Watches files be looked at and cut, and batches come out of the pipeline."""
    modules = sys.modules
    batches = modules["fastdata.engines.dali.batches"]
    put_around(batches.Prepare, "__call__", _around_prepare, undo=undo)
    put_around(batches.DaliBatches, "__init__", _around_init, undo=undo)
    schedule = modules["fastdata.engines.dali.schedule"].Schedule
    put_around(schedule, "add", stage("decode", "feed DALI"), undo=undo)
    put_around(schedule, "take", _around_take, undo=undo)
    images = modules["fastdata.engines.dali.images"]
    put_around(images.ImageInputs, "_files", stage("decode"), undo=undo)
    put_around(images._Job, "take_cut", stage("decode", "cut files"), undo=undo)


def _around_prepare(original: Any) -> Any:
    def prepare(self: Any, task: Any) -> Any:
        recorder = current()
        if recorder is None or running_worker() is not None:
            return original(self, task)

        def make() -> Any:
            setattr(self._maker, _WORKER, running_worker())
            return original(self, task)

        return as_work(recorder, self._maker, make, _samples)

    return prepare


def _samples(made: Any) -> int | None:
    return None if isinstance(made.batch, Exception) else len(made.batch.kept)


def _around_init(original: Any) -> Any:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        setattr(self._schedule, _MAKER, self._maker)

    return init


def _around_take(original: Any) -> Any:
    def take(self: Any, inputs: Any) -> Any:
        worker = getattr(getattr(self, _MAKER, None), _WORKER, None)
        if current() is None or worker is None:
            return original(self, inputs)
        start, busy = time.perf_counter(), worker.clock.busy_seconds
        images = original(self, inputs)
        # What DALI's threads and GPU do meanwhile shows only in how long they are waited for, and
        # what the worker does beside them, feeding them above all, counts as its own already.
        beside = worker.clock.busy_seconds - busy
        waited = max(0.0, time.perf_counter() - start - beside)
        worker.add("decode", waited, "wait for DALI")
        return images

    return take

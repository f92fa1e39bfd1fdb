"""Sees FastLoader's own engine make batches of a pack."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from fastdata.profiling.hooks.decoding import TimedCore
from fastdata.profiling.hooks.feeding import install_feeding
from fastdata.profiling.hooks.gathering import install_gathering
from fastdata.profiling.hooks.patches import put_around
from fastdata.profiling.hooks.sending import install_sending
from fastdata.profiling.hooks.staging import as_work, running_worker, stage
from fastdata.profiling.recorders.recorder import current

__all__ = ["install_engine"]


def install_engine(undo: ExitStack) -> None:
    """Watches the makers of batches, what they read, check, decode and put together."""
    modules = sys.modules
    maker, packed = modules["fastdata.engines.maker"], modules["fastdata.engines.packed"]
    put_around(maker.PackMaker, "make", _around_make, undo=undo)
    put_around(modules["fastdata.engines.fieldvalues"], "core", _around_core, undo=undo)
    put_around(packed.PackFields, "records", _around_records, undo=undo)
    put_around(modules["fastdata.packs.units"], "find_wrong_crcs", _around_crcs, undo=undo)
    put_around(modules["fastdata.engines.drawing"].Drawing, "draw", stage("transform"), undo=undo)
    put_around(modules["fastdata.engines.take"].Take, "__call__", _around_take, undo=undo)
    buffers = modules["fastdata.engines.buffers"].BatchBuffers
    put_around(buffers, "empty", stage("collate"), undo=undo)
    running = modules["fastdata.loader.running"]
    put_around(running.Engine, "_make", _around_engine, undo=undo)
    served = modules["fastdata.engines.served"]
    for kind in (served.ServedPack, served.ServedDataset):
        put_around(kind, "__getitems__", _around_served, undo=undo)
    install_sending(undo)
    install_gathering(undo)
    install_feeding(undo)


def _around_engine(original: Any) -> Any:
    def make_of(self: Any, maker: Any, *args: Any) -> Any:
        # With what follows on the same thread: pinned memory, and the copy to a device.
        return _timed(original(self, maker, *args), maker)

    return make_of


def _around_make(original: Any) -> Any:
    def make(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _timed(functools.partial(original, self), self)(*args, **kwargs)

    return make


def _timed(make: Callable[..., Any], maker: Any) -> Callable[..., Any]:
    """A maker's way to make a batch, as the work of whoever calls it."""

    def timed(*args: Any, **kwargs: Any) -> Any:
        recorder = current()
        if recorder is None or running_worker() is not None:
            return make(*args, **kwargs)
        return as_work(recorder, maker, lambda: make(*args, **kwargs), lambda made: made.size)

    return timed


def _around_served(original: Any) -> Any:
    def served(self: Any, task: Any) -> Any:
        made, worker = original(self, task), running_worker()
        if worker is not None:
            worker.clock.count_samples(made.size)
        return made

    return served


def _around_core(original: Any) -> Any:
    def core() -> Any:
        worker = running_worker()
        return original() if worker is None else TimedCore(original(), worker)

    return core


def _around_records(original: Any) -> Any:
    timed = stage("read")(original)

    def records(self: Any, name: str, indices: Any) -> Any:
        worker = running_worker()
        found = timed(self, name, indices)
        if worker is not None:
            worker.sees_samples(indices, self.key)
            worker.count({"mapped_bytes": sum(map(len, found))})
            worker.look_at(found)
        return found

    return records


def _around_crcs(original: Any) -> Any:
    timed = stage("crc")(original)

    def find_wrong_crcs(data: Any, offsets: Any, lengths: Any, expected: Any) -> Any:
        worker = running_worker()
        if worker is not None:
            # The check is the first that reads these bytes.
            ends = (offsets + lengths).tolist()
            spans = zip(np.asarray(offsets).tolist(), ends, strict=True)
            worker.look_at([data[start:end] for start, end in spans])
        return timed(data, offsets, lengths, expected)

    return find_wrong_crcs


def _around_take(original: Any) -> Any:
    timed = stage("collate")(original)

    def take(self: Any, indices: Any) -> Any:
        values, worker = timed(self, indices), running_worker()
        if worker is not None:
            worker.gathered(values.nbytes)
        return values

    return take

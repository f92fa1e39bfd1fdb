"""Sees a training thread ask a loader for batches, and how long it waits for them."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from fastdata.profiling.clocks.passes import Pass
from fastdata.profiling.clocks.step import WORKER_START
from fastdata.profiling.hooks.again import Again
from fastdata.profiling.hooks.patches import put_around
from fastdata.profiling.recorders.recorder import Recorder, Thread, current

__all__ = ["count_samples", "fetch", "install_epochs", "install_fetching"]

_PASS = "_fastdata_pass"


def install_fetching(undo: ExitStack) -> None:
    """Watches every DataLoader."""
    from torch.utils.data import DataLoader
    from torch.utils.data.dataloader import _BaseDataLoaderIter

    put_around(DataLoader, "__iter__", _around_iter, undo=undo)
    put_around(_BaseDataLoaderIter, "__next__", _around_next, undo=undo)


def install_epochs(undo: ExitStack) -> None:
    """Watches every FastLoader, whose iterators are its own."""
    put_around(
        sys.modules["fastdata.loader.facade"].FastLoader, "__iter__", _around_iter, undo=undo
    )
    put_around(
        sys.modules["fastdata.loader.epoch"].EpochIterator, "__next__", _around_next, undo=undo
    )


def _around_iter(original: Any) -> Any:
    def begin_on(self: Any) -> Any:
        recorder = current()
        if recorder is None:
            return original(self)
        return begin(self, lambda: original(self), recorder.thread())

    return begin_on


def begin(loader: Any, make: Callable[[], Any], thread: Thread) -> Any:
    """The iterator that `make` gives, remembered as a pass over `loader`."""
    ledger = thread.ledger
    if not ledger.is_idle:  # a loader that is made of loaders
        return make()
    one = thread.begin_pass(loader)
    ledger.enter(WORKER_START)
    try:
        iterator = make()
    finally:
        ledger.leave()
    if hasattr(iterator, "__dict__"):
        iterator.__dict__[_PASS] = (thread.ident, one)
        if thread.tries:
            one.again = Again(loader, getattr(iterator, "batches", iterator))
    return iterator


def _around_next(original: Any) -> Any:
    def take_next(self: Any) -> Any:
        recorder = current()
        if recorder is None:
            return original(self)
        ident, one = self.__dict__.get(_PASS, (0, None))
        if one is None or not recorder.thread().ledger.is_idle:
            return original(self)
        if ident != threading.get_ident():
            recorder.see_background(one.loader)
            recorder.thread().fetching = one.loader
            return original(self)
        take = functools.partial(original, self)
        return fetch(one, take, recorder, is_ready=_is_ready(self))

    return take_next


def fetch(
    one: Pass, take: Callable[[], Any], recorder: Recorder, *, is_ready: bool | None = None
) -> Any:
    """The batch that `take` gives, timed as part of the pass `one`.

    Raises:
        StopIteration: The pass is over.
    """
    thread = recorder.thread()
    if not thread.is_main:
        recorder.see_background(one.loader)
    thread.fetching = one.loader
    if thread.tries:
        take = thread.choose_batch(one, take)
    thread.ledger.begin_fetch(one)
    try:
        batch = take()
    except BaseException:
        thread.ledger.end_pass(one)
        raise
    thread.ledger.end_fetch(one, count_samples(batch), is_ready=is_ready)
    return batch


def _is_ready(iterator: Any) -> bool | None:
    """Whether a worker's batch lies ready; None where there are no worker processes."""
    try:
        waiting = iterator._task_info.get(iterator._rcvd_idx, ())
        return len(waiting) == 2 or not iterator._data_queue.empty()
    except (AttributeError, OSError):
        return None


def count_samples(batch: Any) -> int | None:
    """Length of the first tensor in a batch; None where there is none."""
    shape = getattr(batch, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else None
    if isinstance(batch, dict):
        batch = batch.values()
    elif not isinstance(batch, list | tuple):
        return None
    found = (count_samples(item) for item in batch)
    return next((count for count in found if count is not None), None)

"""Sees a training thread wait for a thread that loads ahead.

Whoever prefetches on a thread of their own hands batches over by a queue or an event, most of which
wait in ``threading.Condition``. A wait that a fetching thread has ended was one for data, and so
was one that was ended by a thread that hands on what it got from such a one, as a pool's does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from fastdata.profiling.clocks.step import WAIT
from fastdata.profiling.hooks.patches import put_around
from fastdata.profiling.recorders.recorder import Recorder, current

__all__ = ["install_waiting", "wait_for"]

_NOTIFIER = "_fastdata_notifier"


def install_waiting(undo: ExitStack) -> None:
    """Watches every Condition."""
    put_around(threading.Condition, "wait", _around_wait, undo=undo)
    put_around(threading.Condition, "notify", _around_notify, undo=undo)
    put_around(threading.Condition, "__enter__", _around_enter, undo=undo)


def wait_for(wait: Callable[[], Any], find_waker: Callable[[], int | None]) -> Any:
    """What `wait` returns; it was for data if a fetching thread has ended it.

    Args:
        wait: May block the calling thread.
        find_waker: Gives the thread that has ended the wait; None where nobody has.
    """
    recorder = current()
    if recorder is None or not recorder.fetching_threads:
        return wait()
    ledger = recorder.thread().ledger
    if threading.get_ident() in recorder.fetching_threads or not ledger.enter(WAIT):
        return wait()
    try:
        return wait()
    finally:
        if recorder.has_batches(find_waker()):
            ledger.leave()
            _see_handover(recorder)
        else:
            ledger.leave_unnamed()


def _see_handover(recorder: Recorder) -> None:
    # Loading threads wake others as well, such as the one that sends indices to worker processes.
    recorder.sees_handover |= recorder.thread().ledger.steps > 0


def _around_wait(original: Any) -> Any:
    def wait(self: Any, timeout: float | None = None) -> Any:
        return wait_for(lambda: original(self, timeout), lambda: self.__dict__.get(_NOTIFIER))

    return wait


def _around_notify(original: Any) -> Any:
    def notify(self: Any, n: int = 1) -> None:
        if current() is not None:
            self.__dict__[_NOTIFIER] = threading.get_ident()
        original(self, n)

    return notify


def _around_enter(original: Any) -> Any:
    """A batch that lies ready is taken without a wait; whoever takes it enters all the same."""

    def enter(self: Any) -> Any:
        recorder = current()
        if (
            recorder is not None
            and not recorder.sees_handover
            and recorder.has_batches(self.__dict__.get(_NOTIFIER))
            and threading.get_ident() not in recorder.fetching_threads
            and recorder.thread().ledger.is_idle
        ):
            _see_handover(recorder)
        return original(self)

    return enter

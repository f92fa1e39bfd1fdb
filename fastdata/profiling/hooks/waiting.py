"""Sees a training thread wait for a thread that loads ahead.

Whoever prefetches on a thread of their own hands batches over by a queue or an event, all of which
wait in ``threading.Condition``. A wait that a fetching thread has ended was one for data.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

from fastdata.profiling.hooks.patches import put_around
from fastdata.profiling.recorder import current
from fastdata.profiling.step import WAIT

__all__ = ["install_waiting"]


def install_waiting(undo: ExitStack) -> None:
    """Watches every Condition."""
    put_around(threading.Condition, "wait", _around_wait, undo=undo)
    put_around(threading.Condition, "notify", _around_notify, undo=undo)


def _around_wait(original: Any) -> Any:
    def wait(self: Any, timeout: float | None = None) -> Any:
        recorder = current()
        if recorder is None or not recorder.fetching_threads:
            return original(self, timeout)
        ledger = recorder.thread().ledger
        if threading.get_ident() in recorder.fetching_threads or not ledger.enter(WAIT):
            return original(self, timeout)
        try:
            return original(self, timeout)
        finally:
            if self.__dict__.get("_fastdata_notifier") in recorder.fetching_threads:
                ledger.leave()
            else:
                ledger.leave_unnamed()

    return wait


def _around_notify(original: Any) -> Any:
    def notify(self: Any, n: int = 1) -> None:
        recorder = current()
        if recorder is not None:
            self._fastdata_notifier = threading.get_ident()
            recorder.sees_handover |= self._fastdata_notifier in recorder.fetching_threads
        original(self, n)

    return notify

"""Sees FastLoader's own engine make batches of a pack."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack
from typing import Any

from fastdata.profiling.describe import name_dataset
from fastdata.profiling.hooks.patches import put_around
from fastdata.profiling.hooks.staging import running, stage
from fastdata.profiling.recorder import current

__all__ = ["install_engine"]


def install_engine(undo: ExitStack) -> None:
    """Watches the makers of batches, what they read, check and decode."""
    maker = sys.modules["fastdata.engines.maker"]
    fields = sys.modules["fastdata.engines.packed"].PackFields
    put_around(maker.PackMaker, "make", _around_make, undo=undo)
    put_around(maker, "core", _around_core, undo=undo)
    put_around(fields, "records", stage("read"), undo=undo)
    put_around(sys.modules["fastdata.packs.units"], "find_wrong_crcs", stage("crc"), undo=undo)


def _around_make(original: Any) -> Any:
    def make(self: Any, task: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = current()
        if recorder is None or running() is not None:
            return original(self, task, *args, **kwargs)
        is_main = threading.current_thread() is threading.main_thread()
        worker = recorder.workshop.worker(
            name="training thread" if is_main else threading.current_thread().name,
            kind="main" if is_main else "thread",
            training_pid=os.getpid(),
            dataset=name_dataset(self._fields.located.leaves[0]),
            samples=len(self),
        )
        recorder.workshop.run(worker)
        is_whole = False
        try:
            made = original(self, task, *args, **kwargs)
            is_whole = True
        finally:
            recorder.workshop.stop(worker, is_whole=is_whole)
        return made

    return make


def _around_core(original: Any) -> Any:
    def core() -> Any:
        return original() if running() is None else _TimedCore(original())

    return core


class _TimedCore:
    """The core, which decodes, crops, resizes and flips in one go."""

    def __init__(self, core: Any) -> None:
        self._core = core
        self.decode_batch = stage("decode")(core.decode_batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

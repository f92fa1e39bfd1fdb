"""Sees FastLoader gather batches whose fields have one size, on the thread that asks for them."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from fastdata.profiling.hooks.fetching import count_samples
from fastdata.profiling.hooks.patches import put_around
from fastdata.profiling.hooks.staging import here, running_worker, stage, work_of
from fastdata.profiling.recorders.recorder import Recorder, current
from fastdata.profiling.recorders.working import Worker

__all__ = ["install_gathering"]


def install_gathering(undo: ExitStack) -> None:
    """Watches the batches, where their samples are looked up, and their being put together."""
    running = sys.modules["fastdata.loader.running"]
    maker = sys.modules["fastdata.engines.maker"].PackMaker
    put_around(maker, "takes", _around_takes, undo=undo)
    put_around(running, "gathered", _around_gathered, undo=undo)
    put_around(running.Engine, "_gather", _around_gather, undo=undo)


def _around_gather(original: Any) -> Any:
    def gather(self: Any, *args: Any) -> Any:
        return _timed(original(self, *args), in_memory=self._choice.maker is None)

    return gather


def _timed(batches: Iterator[Any], *, in_memory: bool) -> Iterator[Any]:
    take = partial(next, batches)
    while True:
        recorder = current()
        worker = None if recorder is None else _worker(recorder)
        try:
            if recorder is None or worker is None:
                batch = take()
            else:
                worker.gathers_memory = in_memory
                batch = work_of(worker, recorder, take, count_samples)
        except StopIteration:
            return
        yield batch


def _worker(recorder: Recorder) -> Worker | None:
    """This thread, as far as it is known for which loader it works, and does not do so yet."""
    loader = recorder.thread().fetching
    if loader is None or running_worker() is not None:
        return None
    return here(recorder, loader["dataset"], loader["samples"])


def _around_takes(original: Any) -> Any:
    def takes(self: Any) -> Any:
        return [
            dataclasses.replace(take, locate=stage("read")(take.locate)) for take in original(self)
        ]

    return takes


def _around_gathered(original: Any) -> Any:
    def gathered(groups: Any, takes: Any, assemble: Any) -> Any:
        timed = [dataclasses.replace(take, pull=_pulling(take.pull)) for take in takes]
        return original(groups, timed, assemble)

    return gathered


def _pulling(pull: Any) -> Any:
    def timed(places: Any) -> Any:
        worker = running_worker()
        # Within a gather in one go, which is itself this stage and counts its bytes.
        if worker is None or not worker.clock.enter("collate"):
            return pull(places)
        try:
            values = pull(places)
        finally:
            worker.clock.leave()
        worker.gathered(values.nbytes)
        return values

    return timed

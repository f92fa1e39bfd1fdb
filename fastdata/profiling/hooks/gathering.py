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
from fastdata.profiling.hooks.staging import as_work, running_worker, stage
from fastdata.profiling.recorder import current

__all__ = ["install_gathering"]


def install_gathering(undo: ExitStack) -> None:
    """Watches the batches, where their samples are looked up, and their being put together."""
    maker = sys.modules["fastdata.engines.maker"].PackMaker
    put_around(maker, "takes", _around_takes, undo=undo)
    put_around(sys.modules["fastdata.loader.running"].Engine, "_gather", _around_gather, undo=undo)


def _around_gather(original: Any) -> Any:
    def gather(self: Any, *args: Any) -> Any:
        batches, maker = original(self, *args), self._choice.maker
        # Of whole arrays, nothing is seen: there is nothing but the gather.
        return batches if maker is None else _timed(batches, maker)

    return gather


def _timed(batches: Iterator[Any], maker: Any) -> Iterator[Any]:
    take = partial(next, batches)
    while True:
        recorder = current()
        try:
            if recorder is None or running_worker() is not None:
                batch = take()
            else:
                batch = as_work(recorder, maker, take, count_samples)
        except StopIteration:
            return
        yield batch


def _around_takes(original: Any) -> Any:
    def takes(self: Any) -> Any:
        return [
            dataclasses.replace(take, locate=stage("read")(take.locate), pull=_pulling(take.pull))
            for take in original(self)
        ]

    return takes


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
        worker.count({"mapped_bytes": values.nbytes})
        return values

    return timed

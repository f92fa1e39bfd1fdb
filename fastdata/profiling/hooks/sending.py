"""Sees batches go to a device: what that takes of the host, and of the bus to a GPU beside it."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import ExitStack
from typing import Any

from fastdata.profiling.clocks.marks import StreamMarks
from fastdata.profiling.hooks.patches import put_around
from fastdata.profiling.hooks.staging import running_worker, stage

__all__ = ["Bus", "install_sending"]

_BUS = "_fastdata_bus"
_ON_BUS = "over the bus"


def install_sending(undo: ExitStack) -> None:
    """Watches batches being pinned, sent and taken."""
    modules = sys.modules
    put_around(modules["fastdata.loader.running"], "pinned_batch", stage("copy"), undo=undo)
    plain = modules["fastdata.loader.moving"].PlainMover
    cuda = modules["fastdata.loader.streaming"].CudaMover
    put_around(plain, "send", stage("copy"), undo=undo)
    put_around(cuda, "send", _around_send, undo=undo)
    put_around(cuda, "_copied", _around_copied, undo=undo)
    put_around(cuda, "take", _around_take, undo=undo)


class Bus:
    """The copies on one stream of a GPU, timed by its clock.

    They are noted on the thread that starts them, and asked for on the one that takes batches: to
    ask on another could break off a CUDA graph that this one captures.

    Args:
        marks: On the stream.
    """

    def __init__(self, marks: StreamMarks) -> None:
        self._marks = marks
        self._started: deque[tuple[Any, Any]] = deque()
        self._done: deque[float] = deque()
        self._used: deque[Any] = deque()

    def begin(self) -> Any:
        """Marks that a copy is about to start."""
        self._marks.release(self._used.popleft() for _ in range(len(self._used)))
        return self._marks.mark()

    def end(self, begin: Any) -> None:
        """Marks its end."""
        end = self._marks.mark()
        if begin is not None and end is not None:
            self._started.append((begin, end))

    def settle(self) -> None:
        """Reads the copies that have been made; never waits."""
        while self._started and self._marks.is_reached(self._started[0][1]):
            pair = self._started.popleft()
            self._done.append(self._marks.times(pair)[1])
            self._used += pair

    def seconds(self) -> list[float]:
        """Of each copy that was read since this was asked last."""
        return [self._done.popleft() for _ in range(len(self._done))]


def _around_send(original: Any) -> Any:
    timed = stage("copy")(original)

    def send(self: Any, batch: Any) -> Any:
        sent, worker, bus = timed(self, batch), running_worker(), self.__dict__.get(_BUS)
        if worker is not None and bus is not None:
            for seconds in bus.seconds():
                worker.add("copy", seconds, _ON_BUS)
        return sent

    return send


def _around_copied(original: Any) -> Any:
    def copied(self: Any, leaf: Any, found: list[Any]) -> Any:
        # What is no tensor is not copied, and what lies on the GPU stays there.
        if running_worker() is None or getattr(leaf, "is_cuda", True):
            return original(self, leaf, found)
        bus = self.__dict__.get(_BUS)
        if bus is None:
            # The current stream is the one that copies.
            bus = self.__dict__[_BUS] = Bus(StreamMarks(self._device.index))
        begin = bus.begin()
        copy = original(self, leaf, found)
        bus.end(begin)
        return copy

    return copied


def _around_take(original: Any) -> Any:
    def take(self: Any, sent: Any) -> Any:
        bus = self.__dict__.get(_BUS)
        if bus is not None:
            bus.settle()
        return original(self, sent)

    return take

"""Batches of worker processes on their way to a device.

::

    worker           thread that pins (DataLoader's)      thread that asks for batches
    collate ──> `Arriving` ──> pinned, and the first few sent ──> taken; the next few are sent

DataLoader calls `pin_memory` of batches that have it, on the thread that receives them, as soon as
they are there; so copies start without anybody waiting for a batch. Only a few are on the device at
once: all that workers make ahead may be gigabytes.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from fastdata.engines.work import Made
from fastdata.loader.moving import Mover

__all__ = ["Arrivals", "Arriving"]

# Copies ahead of the batch in use: one is on its way while the next one waits for it.
_SENT_AHEAD: Final = 2

_NUMBERS = itertools.count()
# The loaders of this process whose batches may arrive; workers only pass their numbers on.
_OPEN: weakref.WeakValueDictionary[int, Arrivals] = weakref.WeakValueDictionary()


class Arriving:
    """What a worker makes: a batch, or `Made`, that knows where it is awaited.

    Args:
        payload: The batch.
        number: Of the `Arrivals`.

    Attributes:
        payload: The batch, sent or not.
        is_sent: Whether its copy to the device has been started.
        failure: What went wrong when it was started ahead.
    """

    def __init__(self, payload: Any, number: int) -> None:
        self.payload = payload
        self.number = number
        self.is_sent = False
        self.failure: Exception | None = None

    def pin_memory(self) -> Arriving:
        """Called by DataLoader in the process that asked for the batch."""
        arrivals = _OPEN.get(self.number)
        if arrivals is not None:
            arrivals.arrived(self)
        return self


class _Wrap:
    """A collate function whose batches are `Arriving`."""

    def __init__(self, collate_fn: Callable[[Any], Any], number: int) -> None:
        self._collate_fn = collate_fn
        self._number = number

    def __call__(self, samples: Any) -> Arriving:
        return Arriving(self._collate_fn(samples), self._number)


class Arrivals:
    """Receives the batches of one loader's workers.

    Args:
        mover: Brings them to their device.
    """

    def __init__(self, mover: Mover) -> None:
        self._mover = mover
        self._number = next(_NUMBERS)
        self._lock = threading.Lock()
        # Sent and not yet taken, or about to be; those of epochs that were dropped vanish.
        self._sent: weakref.WeakSet[Arriving] = weakref.WeakSet()
        self._waiting: deque[weakref.ref[Arriving]] = deque()
        _OPEN[self._number] = self

    def wrap(self, collate_fn: Callable[[Any], Any]) -> Callable[[Any], Arriving]:
        """The collate function for the workers."""
        return _Wrap(collate_fn, self._number)

    def arrived(self, arriving: Arriving) -> None:
        """Pins a batch, and sends it where there is room."""
        try:
            arriving.payload = _on_batch(arriving.payload, self._mover.pin)
        except Exception as error:
            arriving.failure = error
            return
        with self._lock:
            self._waiting.append(weakref.ref(arriving))
            self._send_some()

    def take(self, arriving: Arriving) -> Any:
        """The payload, sent; its error belongs to it, and comes when its turn has come."""
        with self._lock:
            self._send(arriving)
            self._sent.discard(arriving)
            self._send_some()
        if arriving.failure is not None:
            raise arriving.failure
        return arriving.payload

    def _send_some(self) -> None:
        while self._waiting and len(self._sent) < _SENT_AHEAD:
            arriving = self._waiting.popleft()()
            if arriving is not None:
                self._send(arriving)

    def _send(self, arriving: Arriving) -> None:
        if arriving.is_sent or arriving.failure is not None:
            return
        try:
            arriving.payload = _on_batch(arriving.payload, self._mover.send)
        except Exception as error:
            arriving.failure = error
            return
        arriving.is_sent = True
        self._sent.add(arriving)


def _on_batch(payload: Any, function: Callable[[Any], Any]) -> Any:
    if not isinstance(payload, Made):
        return function(payload)
    return payload._replace(batch=function(payload.batch)) if payload.size else payload

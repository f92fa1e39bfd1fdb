"""Batches to a CUDA GPU, copied ahead of time on a stream of their own.

::

    thread that made the batch         thread that asks for batches
    pinned memory ── side stream ──>   its current stream waits for the copy (the thread does not),
    copies bytes, marks the end        then changes values: one kernel, bytes to floats

What must hold until a GPU has done with memory:

* Pinned memory is torch's: its allocator gives a block away again only after every copy that was
  started from it, whenever the tensor went.
* A copy's memory on the GPU belongs to the side stream. `record_stream` tells its allocator of the
  consumer's stream, so that what that stream has begun before the tensor goes is waited for before
  the side stream writes there again.
* Results of the change of values are memory of the consumer's stream, like any tensor made on it.

The consumer's stream is the one that is current when a batch is handed out, and may be another for
each batch. Whoever uses one batch on several streams orders them, as for any tensor.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import torch

from fastdata.engines.values import DeferredValues
from fastdata.errors import WorkerError
from fastdata.loader.moving import Mover, PlainMover, call_each, map_leaves, pinned

__all__ = ["CudaMover", "Sent", "choose_mover", "naming_a_lost_gpu"]

# Batches that may be handed out before the GPU has reached the first of them. Freed memory comes
# back when it has; without a limit a loop of captured graphs could be a thousand steps ahead.
_HANDED_AHEAD: Final = 8


class Sent(NamedTuple):
    """A batch whose copy has been started.

    Attributes:
        batch: The same form, tensors on the GPU.
        tensors: Those of them that the copy wrote.
        copied: When it has.
    """

    batch: Any
    tensors: tuple[torch.Tensor, ...]
    copied: torch.cuda.Event


class CudaMover:
    """Copies batches to a GPU beside whatever else it does; see above.

    Batches may be sent from any thread, and taken on any other.

    Args:
        device: The GPU, with its index.
        later: What happens to values there, or None.
        engine: Who makes the batches, for messages.
        pin: Whether to go through pinned memory; without it the copy waits for the host.
    """

    def __init__(
        self, device: torch.device, later: DeferredValues | None, *, engine: str, pin: bool
    ) -> None:
        self._device = device
        self._engine = engine
        self._pin = pin
        self._handed: deque[torch.cuda.Event] = deque()
        with naming_a_lost_gpu(device, engine):
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            self._change = None if later is None else later.on(device)

    def pin(self, batch: Any) -> Any:
        """The batch in pinned memory, unless that was not wanted.

        Raises:
            WorkerError: The GPU was lost, or an earlier kernel failed.
        """
        with naming_a_lost_gpu(self._device, self._engine):
            return pinned(batch) if self._pin else batch

    def send(self, batch: Any) -> Sent:
        """Starts the copy of a batch.

        Raises:
            WorkerError: The GPU was lost, or an earlier kernel failed.
        """
        with naming_a_lost_gpu(self._device, self._engine):
            while len(self._handed) > _HANDED_AHEAD:
                self._handed.popleft().synchronize()
            source = self.pin(batch)
            found: list[torch.Tensor] = []
            # The device comes first: a thread's own may be another, which is to be left alone.
            with torch.cuda.device(self._device), torch.cuda.stream(self._stream):
                moved = map_leaves(source, lambda leaf: self._copied(leaf, found), whole=_is_own)
                return Sent(moved, tuple(found), self._stream.record_event())

    def join(self, sent: Sent, fields: Mapping[str, Any]) -> Sent:
        """The same with fields that are on the GPU already, in the order of the current stream."""
        return sent._replace(batch=sent.batch._replace(**fields))

    def take(self, sent: Sent) -> Any:
        """The batch on the GPU, ordered before what the current stream does next.

        Raises:
            WorkerError: The GPU was lost, or an earlier kernel failed.
        """
        with naming_a_lost_gpu(self._device, self._engine):
            stream = torch.cuda.current_stream(self._device)
            stream.wait_event(sent.copied)
            for tensor in sent.tensors:
                tensor.record_stream(stream)
            # What has a way of its own to move, or no single block of memory, goes now.
            batch = call_each(sent.batch, "to", self._device, non_blocking=True)
            if self._change is not None:
                for tensor in self._change.constants:
                    tensor.record_stream(stream)
                batch = self._change(batch)
            self._handed.append(stream.record_event())
            return batch

    def _copied(self, leaf: Any, found: list[torch.Tensor]) -> Any:
        if not isinstance(leaf, torch.Tensor) or leaf.layout is not torch.strided:
            return leaf
        copy = leaf.to(self._device, non_blocking=True)
        if copy is not leaf:
            found.append(copy)
        return copy


def choose_mover(
    device: Any, later: DeferredValues | None, *, engine: str, pin: bool
) -> Mover | None:
    """What moves an engine's batches to `device`, or None when they stay where they are made.

    Args:
        device: Anything that `torch.device` takes; a GPU without an index is the current one.
        later: What happens to values there, or None.
        engine: The engine, for messages; what it makes on the device itself stays as it is.
        pin: Whether to go through pinned memory.
    """
    if device is None or torch.device(device).type == "cpu":
        return None
    target = torch.device(device)
    if target.type != "cuda":
        return PlainMover(target, later)
    index = torch.cuda.current_device() if target.index is None else target.index
    target = torch.device("cuda", index)
    return CudaMover(target, later, engine=engine, pin=pin)


def _is_own(part: Any) -> bool:
    return callable(getattr(part, "to", None))


@contextlib.contextmanager
def naming_a_lost_gpu(device: torch.device, engine: str) -> Iterator[None]:
    """Makes an error of the GPU, but for a lack of memory, one that says who met it where."""
    try:
        yield
    except (torch.OutOfMemoryError, WorkerError):
        raise
    except RuntimeError as error:
        said = str(error).strip().splitlines() or [""]
        if "CUDA error" not in said[0] and "CUDA driver" not in said[0]:
            raise
        raise WorkerError(
            f"{device} failed while a batch of the {engine!r} engine was copied to it: {said[0]}; "
            "an earlier kernel of this program may be the cause, which CUDA_LAUNCH_BLOCKING=1 "
            "shows; a GPU that was lost is missing from nvidia-smi; start the program again"
        ) from error

"""Batches to pinned memory or to a device, whatever they are made of."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch

from fastdata.engines.values import DeferredValues

__all__ = ["Mover", "PlainMover", "call_each", "map_leaves", "pinned", "pins"]


class Mover(Protocol):
    """Brings batches to a device in steps, so that copies can run ahead."""

    def pin(self, batch: Any) -> Any:
        """The batch in memory that it is best sent from; `send` does it too."""

    def send(self, batch: Any) -> Any:
        """Begins to move a batch, on whichever thread made it; gives what `take` takes."""

    def join(self, sent: Any, fields: Mapping[str, Any]) -> Any:
        """What `send` gave, with fields that are on the device already, or need no sending."""

    def take(self, sent: Any) -> Any:
        """The batch, for whatever the calling thread does with it next."""


class PlainMover:
    """Moves batches when they are handed out, to devices whose copies do not run beside others.

    Args:
        device: Where to.
        later: What happens to values there, or None.
    """

    def __init__(self, device: torch.device, later: DeferredValues | None) -> None:
        self._device = device
        self._change = None if later is None else later.on(device)

    def pin(self, batch: Any) -> Any:
        """The batch as it is."""
        return batch

    def send(self, batch: Any) -> Any:
        """The batch as it is."""
        return batch

    def join(self, sent: Any, fields: Mapping[str, Any]) -> Any:
        """The batch with these fields."""
        return sent._replace(**fields)

    def take(self, sent: Any) -> Any:
        """The batch on its device."""
        batch = call_each(sent, "to", self._device, non_blocking=True)
        return batch if self._change is None else self._change(batch)


def call_each(batch: Any, method: str, *args: Any, **options: Any) -> Any:
    """A batch of the same form with what `method` gives, of all in it that has this method.

    That is tensors, and what other libraries and torch's PackedSequence batch by themselves.
    """

    def called(leaf: Any) -> Any:
        own = getattr(leaf, method, None)
        return own(*args, **options) if callable(own) else leaf

    return map_leaves(batch, called, whole=lambda part: callable(getattr(part, method, None)))


def map_leaves(batch: Any, function: Callable[[Any], Any], *, whole: Callable[[Any], bool]) -> Any:
    """A batch of the same form with what `function` gives of all that is in it.

    Args:
        batch: Tuples, named tuples, lists and mappings, nested at will.
        function: Called with everything else.
        whole: Says which of the former are not looked into either.
    """
    if whole(batch):
        return function(batch)
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(map_leaves(value, function, whole=whole) for value in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(map_leaves(value, function, whole=whole) for value in batch)
    if isinstance(batch, Mapping):
        return {key: map_leaves(value, function, whole=whole) for key, value in batch.items()}
    return function(batch)


def pinned(batch: Any) -> Any:
    """The batch in pinned memory; what lies on a device already stays there."""

    def pin(leaf: Any) -> Any:
        if isinstance(leaf, torch.Tensor) and leaf.device.type != "cpu":
            return leaf
        own = getattr(leaf, "pin_memory", None)
        return own() if callable(own) else leaf

    return map_leaves(batch, pin, whole=lambda part: callable(getattr(part, "pin_memory", None)))


def pins(*, wanted: bool) -> bool:
    """Whether batches can be pinned; warns as DataLoader does when they cannot."""
    if wanted and not torch.accelerator.is_available():
        warnings.warn(
            "'pin_memory' argument is set as true but no accelerator is found, "
            "then device pinned memory won't be used.",
            stacklevel=3,
        )
        return False
    return wanted

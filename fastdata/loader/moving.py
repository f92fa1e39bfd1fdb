"""Batches to pinned memory or to a device, whatever they are made of."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch

__all__ = ["call_each", "mover", "pins"]


def call_each(batch: Any, method: str, *args: Any, **options: Any) -> Any:
    """A batch of the same form with what `method` gives, of all in it that has this method.

    That is tensors, and what other libraries and torch's PackedSequence batch by themselves.
    """
    own = getattr(batch, method, None)
    if callable(own):
        return own(*args, **options)
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(call_each(value, method, *args, **options) for value in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(call_each(value, method, *args, **options) for value in batch)
    if isinstance(batch, Mapping):
        return {key: call_each(value, method, *args, **options) for key, value in batch.items()}
    return batch


def mover(device: Any) -> Callable[[Any], Any] | None:
    """What moves a batch to `device`, or None when batches stay where they are made.

    Raises:
        RuntimeError: torch knows no such device.
    """
    if device is None or torch.device(device) == torch.device("cpu"):
        return None
    target = torch.device(device)
    return lambda batch: call_each(batch, "to", target, non_blocking=True)


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

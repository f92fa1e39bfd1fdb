"""Batches to pinned memory or to a device, whatever they are made of."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch

__all__ = ["map_tensors", "mover", "pins"]


def map_tensors(batch: Any, function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """A batch of the same form with `function` applied to every tensor in it."""
    if isinstance(batch, torch.Tensor):
        return function(batch)
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(map_tensors(value, function) for value in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(map_tensors(value, function) for value in batch)
    if isinstance(batch, Mapping):
        return {key: map_tensors(value, function) for key, value in batch.items()}
    return batch


def mover(device: Any) -> Callable[[Any], Any] | None:
    """What moves a batch to `device`, or None when batches stay where they are made.

    Raises:
        RuntimeError: torch knows no such device.
    """
    if device is None or torch.device(device) == torch.device("cpu"):
        return None
    target = torch.device(device)
    return lambda batch: map_tensors(batch, lambda value: value.to(target, non_blocking=True))


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

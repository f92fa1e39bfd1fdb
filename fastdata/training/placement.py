"""Where and how a model lies in memory, and batches beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fastdata.errors import UsageError
from fastdata.loader.moving import call_each
from fastdata.training.config import TrainConfig
from fastdata.training.precision import Precision, choose_precision

__all__ = ["Placed", "batch_mover", "batch_size", "choose_device", "is_convolutional", "placed"]


def choose_device(wanted: str, local_rank: int) -> torch.device:
    """The device asked for, or for "auto" this rank's GPU when there is one, else the CPU.

    Raises:
        UsageError: There is no such device.
    """
    if wanted == "auto":
        return (
            torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")
        )
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise UsageError(f"device={wanted!r} is none that torch knows; try 'auto'") from error
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UsageError(f"device={wanted!r}, but torch sees no GPU; use 'auto' or 'cpu'")
        return torch.device("cuda", local_rank if device.index is None else device.index)
    return device


def is_convolutional(model: nn.Module) -> bool:
    """Whether the model convolves over two dimensions, and so gains from channels_last."""
    return any(isinstance(part, nn.Conv2d | nn.ConvTranspose2d) for part in model.modules())


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A model on the device that it computes on.

    Attributes:
        model: As the user knows it; its tensors are the trained ones.
        callable: The same weights as they are called: compiled, if so wished.
        device: Where they are.
        precision: Of forward and loss.
        move: Brings a batch to the device.
        settings: What was chosen, and why: one line each.
    """

    model: nn.Module
    callable: nn.Module
    device: torch.device
    precision: Precision
    move: Callable[[Any], Any]
    settings: tuple[str, ...]


def placed(model: nn.Module, loss: Any, config: TrainConfig, *, local_rank: int) -> Placed:
    """Moves a model, and a loss that is a module, in place, and chooses how to compute.

    Raises:
        UsageError: The device or the precision does not exist here.
    """
    device = choose_device(config.device, local_rank)
    precision = choose_precision(config.precision, device)
    convolves = is_convolutional(model)
    channels_last = convolves if config.channels_last == "auto" else config.channels_last
    layout = torch.channels_last if channels_last else torch.preserve_format
    model.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    if isinstance(loss, nn.Module):
        loss.to(device)
    settings = [f"precision = {precision.name}: {precision.reason}"]
    if config.channels_last == "auto":
        why = "has 2-D convolutions" if convolves else "has no 2-D convolution"
        settings.append(f"channels_last = {channels_last}: the model {why}")
    return Placed(
        model=model,
        callable=torch.compile(model) if config.compile else model,  # type: ignore[arg-type]
        device=device,
        precision=precision,
        move=batch_mover(device, channels_last=channels_last),
        settings=tuple(settings),
    )


def batch_mover(device: torch.device, *, channels_last: bool) -> Callable[[Any], Any]:
    """What brings a batch to the device, its 4-D tensors in channels_last strides if so wished."""

    def move(batch: Any) -> Any:
        if device.type != "cpu":
            batch = call_each(batch, "to", device, non_blocking=True)
        # On the device: the copy over the bus stays one block, and the GPU turns it round.
        return _map_tensors(batch, _as_channels_last) if channels_last else batch

    return move


def batch_size(batch: Any) -> int:
    """Samples in a batch: the length of the first tensor found in it.

    Raises:
        UsageError: There is none.
    """
    if isinstance(batch, Tensor):
        return len(batch) if batch.ndim else 1
    if isinstance(batch, Mapping):
        batch = tuple(batch.values())
    if isinstance(batch, list | tuple):
        for part in batch:
            try:
                return batch_size(part)
            except UsageError:
                continue
    raise UsageError(
        f"cannot count the samples of a batch of type {type(batch).__name__}; return "
        "StepResult(loss, samples=...) from the step function"
    )


def _as_channels_last(tensor: Tensor) -> Tensor:
    if tensor.ndim != 4:
        return tensor
    return tensor.contiguous(memory_format=torch.channels_last)


def _map_tensors(batch: Any, function: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(_map_tensors(part, function) for part in batch))
    if isinstance(batch, list | tuple):
        return type(batch)(_map_tensors(part, function) for part in batch)
    if isinstance(batch, Mapping):
        return {key: _map_tensors(part, function) for key, part in batch.items()}
    return batch

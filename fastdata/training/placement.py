"""Where and how a model lies in memory, and batches beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from fastdata.errors import UsageError
from fastdata.loader.moving import call_each
from fastdata.training.config import TrainConfig
from fastdata.training.precision import Precision, choose_precision

__all__ = [
    "Placed",
    "batch_mover",
    "batch_size",
    "choose_device",
    "is_convolutional",
    "model_precision",
    "placed",
]

# Numbers in a linear layer's weights from which bf16 pays on a CPU, casts included. A step of three
# such layers, forward and backward, in bf16 against fp32, on a Xeon with AMX: 0.4 of the time at
# 512 x 512 and a batch of 256, 0.6 at a batch of 32; 1.3 at 256 x 256 and a batch of 32.
_LARGE_LINEAR = 512 * 512


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


def model_precision(model: nn.Module, config: TrainConfig, device: torch.device) -> Precision:
    """The format of forward and loss for a model.

    Raises:
        UsageError: The device has no such format.
    """
    # In other strides than channels_last, a CPU's bf16 convolutions take twice as long as fp32's.
    convolves = is_convolutional(model) and _is_channels_last(model, config)
    gains = convolves or any(_is_large_linear(part) for part in model.modules())
    return choose_precision(config.precision, device, gains_on_cpu=gains)


def _is_large_linear(part: nn.Module) -> bool:
    if not isinstance(part, nn.Linear):
        return False
    return is_lazy(part.weight) or part.weight.numel() >= _LARGE_LINEAR


def _is_channels_last(model: nn.Module, config: TrainConfig) -> bool:
    wanted = config.channels_last
    return is_convolutional(model) if wanted == "auto" else wanted


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
    precision = model_precision(model, config, device)
    channels_last = _is_channels_last(model, config)
    layout = torch.channels_last if channels_last else torch.preserve_format
    model.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    if isinstance(loss, nn.Module):
        loss.to(device)
    settings = [f"precision = {precision.name}: {precision.reason}"]
    if config.channels_last == "auto":
        why = "has 2-D convolutions" if channels_last else "has no 2-D convolution"
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

"""What a model is, for a cache: its architecture without its weights."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

__all__ = ["describe_batch", "describe_device", "describe_model", "describe_object"]


def describe_model(model: nn.Module) -> str:
    """A hash of all modules, their settings, and the shapes of their tensors."""
    modules = [
        (name, f"{type(module).__module__}.{type(module).__qualname__}", _settings(module))
        for name, module in model.named_modules()
    ]
    tensors = [
        (name, str(tensor.dtype), tuple(tensor.shape), tensor.requires_grad)
        for named in (model.named_parameters(), model.named_buffers())
        for name, tensor in named
    ]
    return hashlib.sha256(json.dumps([modules, tensors]).encode("utf-8")).hexdigest()


def describe_batch(batch: Any) -> Any:
    """The form of a batch of one sample: types and shapes, no values."""
    if isinstance(batch, Tensor):
        return [str(batch.dtype), list(batch.shape)]
    if isinstance(batch, Mapping):
        return {str(key): describe_batch(value) for key, value in batch.items()}
    if isinstance(batch, list | tuple):
        return [describe_batch(value) for value in batch]
    return type(batch).__name__


def describe_object(value: Any) -> Any:
    """A loss, a step function or an optimizer: what it is, and its settings where they show."""
    if isinstance(value, nn.Module):
        return describe_model(value)
    if isinstance(value, Optimizer):
        return [type(value).__qualname__, str(value)]
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return f"{getattr(value, '__module__', '')}.{name}"


def describe_device(device: torch.device) -> str:
    """The chip, and with how many threads where that can be chosen."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor()}, {torch.get_num_threads()} threads"


def _settings(module: nn.Module) -> Any:
    """What its class shows of them, and its plain attributes: many show nothing."""
    plain = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, bool | int | float | str) and name != "training"
    }
    return module.extra_repr(), plain


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            found = next(line for line in stream if line.startswith("model name"))
        return found.split(":", 1)[1].strip()
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or "CPU"

"""Predictions averaged over several sizes of the same images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["MultiScale"]

# Networks halve their input up to five times; a size that they cannot halve as often as the
# original's would shift the prediction against the image, or fail.
_DEEPEST = 32


class MultiScale(nn.Module):
    """Calls a segmentation model at several scales of its first argument.

    Class scores (B, K, H, W) are averaged as probabilities, at the size of scale 1, and returned as
    their logarithms, which a cross entropy takes as scores; with K = 1 as logits of the mean
    sigmoid. Other outputs are averaged as they are.

    Args:
        model: Takes images (B, C, H, W); returns a tensor, or a tuple or dict of tensors.
        scales: Each above 0.
    """

    def __init__(self, model: nn.Module, scales: Sequence[float]) -> None:
        super().__init__()
        self._model = [model]  # not a submodule: its weights are another's
        self._scales = tuple(scales)

    def forward(self, image: Tensor, *others: Any, **named: Any) -> Any:
        """The averaged output; further arguments are passed on as they are."""
        full = image.shape[-2:]
        sizes = [_scaled(full, scale) for scale in self._scales]
        outputs = [self._model[0](_resized(image, size), *others, **named) for size in sizes]
        # A model may predict at a lower resolution than it sees.
        return _averaged(outputs, tuple(a / b for a, b in zip(full, sizes[0], strict=True)))


def _scaled(size: Sequence[int], scale: float) -> tuple[int, int]:
    step = math.gcd(*size, _DEEPEST)
    height, width = (max(step, round(length * scale / step) * step) for length in size)
    return height, width


def _resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(maps.shape[-2:]) == size:
        return maps
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def _averaged(outputs: list[Any], growth: tuple[float, ...]) -> Any:
    """The mean output; `growth` is the size wanted over the size of the first one, (2,)."""
    first = outputs[0]
    if isinstance(first, Mapping):
        return {key: _averaged([output[key] for output in outputs], growth) for key in first}
    if isinstance(first, tuple | list):
        parts = [_averaged(list(part), growth) for part in zip(*outputs, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if first.ndim != 4:
        return torch.stack(outputs).mean(dim=0)
    height, width = (round(n * g) for n, g in zip(first.shape[-2:], growth, strict=True))
    is_binary = first.shape[1] == 1
    likely = [o.float().sigmoid() if is_binary else o.float().softmax(dim=1) for o in outputs]
    mean = torch.stack([_resized(part, (height, width)) for part in likely]).mean(dim=0)
    return mean.logit(eps=1e-6) if is_binary else mean.clamp(min=1e-9).log()

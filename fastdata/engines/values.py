"""Values of whole image tensors: uint8 to scaled, normalised floats, on any device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fastdata.transforms import Pixels

__all__ = ["BatchChange", "DeferredValues", "ValueChange", "change_on_host"]


class ValueChange:
    """Changes images as a `Pixels` says: computed in float32, and rounded once.

    For a GPU, where it is one kernel that reads bytes and writes the results, and nothing waits.

    Args:
        pixels: What to compute; its dtype is a float.
        device: Where the images lie.

    Attributes:
        dtype: torch's type of the results.
        factor: float32 (C or 1, 1, 1).
        offset: Likewise.
    """

    def __init__(self, pixels: Pixels, device: Any = "cpu") -> None:
        self.dtype: torch.dtype = getattr(torch, pixels.dtype)
        self.factor, self.offset = (
            torch.from_numpy(values).reshape(-1, 1, 1).to(device) for values in pixels.factors()
        )

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Images, uint8 (..., C, H, W), changed; in new memory with the same strides."""
        out = torch.empty_like(images, dtype=self.dtype)
        return torch.addcmul(self.offset, images, self.factor, out=out)


def change_on_host(images: torch.Tensor, pixels: Pixels, out: torch.Tensor) -> None:
    """The same for a whole batch in main memory, in the layout that it is made in.

    A row at a time and image by image, in float32 that stays in the cache: 30 times as quick for
    128 images of 224x224 as what suits a GPU.

    Args:
        images: uint8 (B, H, W, C), contiguous.
        pixels: What to compute.
        out: Where to write, a float type, of the same shape.
    """
    _, height, width, channels = images.shape
    factor, offset = (
        torch.from_numpy(np.tile(np.resize(values, channels), width)) for values in pixels.factors()
    )
    exact = torch.empty((height, width * channels))
    for image, result in zip(images.flatten(2), out.flatten(2), strict=True):
        result.copy_(exact.copy_(image).mul_(factor).add_(offset))


@dataclass(frozen=True)
class DeferredValues:
    """The change of values that a batch's images still need on their device.

    Attributes:
        names: The image fields.
        pixels: What is to be done with each of them.
    """

    names: tuple[str, ...]
    pixels: Pixels

    def on(self, device: torch.device) -> BatchChange:
        """What does it on a device."""
        return BatchChange(self.names, ValueChange(self.pixels, device))


class BatchChange:
    """Changes the images of batches; see `DeferredValues`.

    Args:
        names: The image fields.
        change: Changes one of them.

    Attributes:
        constants: The tensors on the device that are read by it.
    """

    def __init__(self, names: tuple[str, ...], change: ValueChange) -> None:
        self._names = names
        self._change = change
        self.constants = (change.factor, change.offset)

    def __call__(self, batch: Any) -> Any:
        """The batch, a named tuple, with its images changed."""
        return batch._replace(**{name: self._change(getattr(batch, name)) for name in self._names})

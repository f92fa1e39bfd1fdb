"""Values of whole image tensors: uint8 to scaled, normalised floats, on any device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from fastdata.transforms import Pixels

__all__ = ["BatchChange", "DeferredValues", "ValueChange"]


class ValueChange:
    """Changes images as a `Pixels` says: computed in float32, and rounded once.

    On a GPU this is one kernel that reads bytes and writes the results; nothing waits for it.

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

    def __call__(self, images: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """The changed images.

        Args:
            images: uint8 (..., C, H, W).
            out: Where to write, of the same shape; None takes new memory, with the strides of
                `images`.
        """
        if out is None:
            out = torch.empty_like(images, dtype=self.dtype)
        return torch.addcmul(self.offset, images, self.factor, out=out)


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

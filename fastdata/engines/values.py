"""Values of whole image tensors: uint8 to scaled, normalised floats, on any device."""

from __future__ import annotations

from typing import Any

import torch

from fastdata.transforms import Pixels

__all__ = ["ValueChange"]


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

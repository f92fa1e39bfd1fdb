"""Sizes and pixels of images and masks that are made smaller (or exact) at conversion."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from fastdata.errors import UsageError

__all__ = ["ResizeTo", "parse_resize", "resize_image", "resize_mask"]

# The largest side that a JPEG can have.
_MAX_SIDE = 65_500


@dataclass(frozen=True)
class ResizeTo:
    """A rule that gives an image of any size its new size.

    Attributes:
        rule: "longest" or "shortest" side becomes `height` (images that are smaller already stay
            as they are: enlarging adds bytes and no detail), or "exact".
        height: Pixels.
        width: Pixels; equals `height` unless the rule is "exact".
    """

    rule: Literal["longest", "shortest", "exact"]
    height: int
    width: int

    def size(self, height: int, width: int) -> tuple[int, int]:
        """New (height, width); the other side is rounded down as torchvision's Resize does."""
        if self.rule == "exact":
            return self.height, self.width
        side = max(height, width) if self.rule == "longest" else min(height, width)
        if side <= self.height:
            return height, width
        return max(1, height * self.height // side), max(1, width * self.height // side)


def parse_resize(text: str) -> ResizeTo:
    """Reads "longest:512", "shortest:256" or "exact:HEIGHTxWIDTH".

    Raises:
        UsageError: The text is none of these.
    """
    if match := re.fullmatch(r"(longest|shortest):(\d{1,5})", text, re.ASCII):
        height = width = int(match[2])
        rule: Any = match[1]
    elif match := re.fullmatch(r"exact:(\d{1,5})x(\d{1,5})", text, re.ASCII):
        rule, height, width = "exact", int(match[1]), int(match[2])
    else:
        height = width = 0
    if not (1 <= height <= _MAX_SIDE and 1 <= width <= _MAX_SIDE):
        raise UsageError(
            f"resize is {text!r}; expected longest:512, shortest:256 or exact:128x128 "
            f"(HEIGHTxWIDTH), sides 1 to {_MAX_SIDE}"
        )
    return ResizeTo(rule, height, width)


def resize_image(pixels: np.ndarray[Any, Any], size: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Antialiased bilinear resize of (H, W, C) uint8 to `size` (height, width), C 1 or 3."""
    gray = pixels.shape[2] == 1
    image = Image.fromarray(pixels[:, :, 0] if gray else pixels)
    out = np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))
    return out[:, :, None] if gray else out


def resize_mask(ids: np.ndarray[Any, Any], size: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Nearest-neighbour resize of (H, W) class ids, uint8 or uint16, to `size`."""
    return np.asarray(Image.fromarray(ids).resize((size[1], size[0]), Image.Resampling.NEAREST))

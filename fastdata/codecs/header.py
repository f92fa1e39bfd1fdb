"""What an image's header tells, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ImageHeader"]


@dataclass(frozen=True)
class ImageHeader:
    """An image as its header describes it.

    Attributes:
        format: "jpeg" or "png", by content.
        height: Rows of the upright image (EXIF applied).
        width: Columns of the upright image.
        channels: As stored: 1 gray, 2 gray and alpha, 3 RGB or palette, 4 RGBA or CMYK.
        bits: 8 or 16 a channel; PNGs of 1, 2 and 4 bits count as 8.
        orientation: EXIF orientation 1..8, which decoding applies.
        mode: Pillow's name of the stored pixels, such as "RGB", "L", "P", "I;16" or "CMYK".
    """

    format: Literal["jpeg", "png"]
    height: int
    width: int
    channels: int
    bits: int
    orientation: int
    mode: str

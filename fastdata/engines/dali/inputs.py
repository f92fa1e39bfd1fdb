"""What goes into the pipeline: its description, and one image as it is fed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastdata.transforms import Pixels

__all__ = ["ImageInput", "ImageSpec", "PipelineSpec", "per_sample"]


class ImageInput(NamedTuple):
    """One image, and what happens to it.

    Attributes:
        data: A file, uint8 (bytes,), or pixels, uint8 (H, W, C).
        part: Top, left, height and width of what is decoded of a file, in its pixels.
        start: Top and left of the box in the decoded part, in pixels.
        end: Bottom and right of the box likewise.
        size: Height and width after the resize, before turning.
        quarters: Quarter turns counter-clockwise, 0..3.
        hflip: Whether left and right are exchanged after turning.
        vflip: Whether top and bottom are.
    """

    data: NDArray[np.uint8]
    part: tuple[int, int, int, int]
    start: tuple[float, float]
    end: tuple[float, float]
    size: tuple[int, int]
    quarters: int
    hflip: bool
    vflip: bool


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """An image field as the pipeline makes it.

    Attributes:
        name: The field's.
        channels: 3 (RGB) or 1 (gray).
        is_encoded: Whether files are fed, or pixels.
        takes_parts: Whether files are whole, and a part of them is decoded.
        moves_pixels: Whether there is a box and a size.
        turns: Whether there may be quarter turns.
        flips: Whether there may be flips.
        pixels: What happens to the values, last.
    """

    name: str
    channels: int
    is_encoded: bool
    takes_parts: bool
    moves_pixels: bool
    turns: bool
    flips: bool
    pixels: Pixels


@dataclass(frozen=True, kw_only=True)
class PipelineSpec:
    """All that a pipeline is built from.

    Attributes:
        images: What it makes of each batch.
        gpu: Number of the GPU it runs on, or None for the CPU.
        threads: Of the host.
        batch_size: Samples in a batch at most.
    """

    images: tuple[ImageSpec, ...]
    gpu: int | None
    threads: int
    batch_size: int


def per_sample(inputs: list[ImageInput], name: str, dtype: Any) -> NDArray[Any]:
    """One attribute of every image as an array, (B,) or (B, 2 or 4)."""
    return np.array([getattr(entry, name) for entry in inputs], dtype)

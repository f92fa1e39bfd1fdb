"""What goes into the pipeline: its description, and a batch of images as it is fed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fastdata.engines.dali.tuning import Tuning
from fastdata.transforms import Pixels

__all__ = ["ImageBatch", "ImageSpec", "PipelineSpec"]


@dataclass(frozen=True)
class ImageBatch:
    """The images of a batch, and what happens to each.

    Attributes:
        data: B files, uint8 (bytes,), or pixels, uint8 (H, W, C); C-contiguous, and read until the
            batch is taken from the pipeline.
        part: Top, left, height and width of what is decoded of a file, in its pixels; int32 (B, 4).
        start: Top and left of the box in the decoded part, in pixels; float32 (B, 2).
        end: Bottom and right of the box likewise.
        size: Height and width after the resize, before turning; float32 (B, 2).
        quarters: Quarter turns counter-clockwise, 0..3; float32 (B,).
        hflip: Whether left and right are exchanged after turning; int32 (B,).
        vflip: Whether top and bottom are; int32 (B,).
    """

    data: Sequence[NDArray[np.uint8]]
    part: NDArray[np.int32]
    start: NDArray[np.float32]
    end: NDArray[np.float32]
    size: NDArray[np.float32]
    quarters: NDArray[np.float32]
    hflip: NDArray[np.int32]
    vflip: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.data)

    def select(self, positions: Sequence[int]) -> ImageBatch:
        """The images at these positions."""
        rows = list(positions)
        arguments = {
            entry.name: getattr(self, entry.name)[rows]
            for entry in fields(self)
            if entry.name != "data"
        }
        return ImageBatch([self.data[at] for at in rows], **arguments)


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
        hflips: Whether left and right may be exchanged.
        vflips: Whether top and bottom may be.
        pixels: What happens to the values, last.
    """

    name: str
    channels: int
    is_encoded: bool
    takes_parts: bool
    moves_pixels: bool
    turns: bool
    hflips: bool
    vflips: bool
    pixels: Pixels


@dataclass(frozen=True, kw_only=True)
class PipelineSpec:
    """All that a pipeline is built from.

    Attributes:
        images: What it makes of each batch.
        gpu: Number of the GPU it runs on, or None for the CPU.
        threads: Of the host.
        batch_size: Samples in a batch at most.
        tuning: How it is made fast.
    """

    images: tuple[ImageSpec, ...]
    gpu: int | None
    threads: int
    batch_size: int
    tuning: Tuning

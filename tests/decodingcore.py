"""The compiled decoder for tests, and JPEGs of kinds that Pillow does not write."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fastdata.native.extension import compiled

Box = tuple[int, int, int, int]


def decoder(*, portable: bool = False) -> Any:
    """A decoder as every thread of the core has one; skips where no core is compiled."""
    core = compiled()
    if core is None:
        pytest.skip("no compiled core is in use")
    return core.ImageDecoder(portable=portable)


def whole(data: bytes, channels: int) -> np.ndarray:
    """All pixels as Pillow decodes them, not turned, (height, width, channels)."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("RGB" if channels == 3 else "L"))
    return pixels.reshape(*pixels.shape[:2], channels)


def cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    top, left, height, width = box
    return pixels[top : top + height, left : left + width]


def resampled_frame(jpeg: bytes, factors: tuple[int, int], size: tuple[int, int]) -> bytes:
    """`jpeg` whose header claims other luma sampling (horizontal, vertical) and (height, width).

    Where the number of blocks in a unit and of units stays the same, the data are as good as
    before, only of another picture.
    """
    start = next(at for at in range(len(jpeg)) if jpeg[at : at + 2] in (b"\xff\xc0", b"\xff\xc2"))
    changed = bytearray(jpeg)
    struct.pack_into(">HH", changed, start + 5, *size)
    changed[start + 11] = factors[0] << 4 | factors[1]
    return bytes(changed)


def boxes(height: int, width: int, rng: np.random.Generator, count: int = 40) -> list[Box]:
    """Boxes inside a picture: all of it, its corners and edges, single pixels, and any others."""
    found = [(0, 0, height, width)] * 2 + [(0, 0, 1, 1), (height - 1, width - 1, 1, 1)]
    found += [(0, 0, 1, width), (height - 1, 0, 1, width), (0, 0, height, 1)]
    found += [(0, width - 1, height, 1), (height // 2, width // 2, 1, 1)]
    for _ in range(count):
        top, left = int(rng.integers(height)), int(rng.integers(width))
        bottom, right = int(rng.integers(top, height)), int(rng.integers(left, width))
        found.append((top, left, bottom + 1 - top, right + 1 - left))
    return found

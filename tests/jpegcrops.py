"""Boxes of JPEGs, and whether a crop of the compressed data has their pixels."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from jpegs import decoded
from PIL import Image

from fastdata.codecs import CroppedJpeg, crop_jpeg

Box = tuple[int, int, int, int]

SAMPLINGS = {
    "gray": [(1, 1)],
    "gray 2x2": [(2, 2)],
    "4:4:4": [(1, 1)] * 3,
    "4:2:0": [(2, 2), (1, 1), (1, 1)],
    "4:2:2": [(2, 1), (1, 1), (1, 1)],
    "4:4:0": [(1, 2), (1, 1), (1, 1)],
    "4:1:1": [(4, 1), (1, 1), (1, 1)],
    "4:1:0": [(4, 2), (1, 1), (1, 1)],
    "mixed": [(2, 2), (1, 2), (2, 1)],
    "cmyk": [(2, 2), (1, 1), (1, 1), (2, 2)],
}


def boxes(height: int, width: int, count: int, seed: int = 0) -> Iterator[Box]:
    """Random boxes, many of them touching the picture's edges or a multiple of 8."""
    rng = np.random.default_rng(seed)

    def span(size: int) -> tuple[int, int]:
        ends = rng.integers(0, size + 1, 2)
        if rng.random() < 0.4:
            ends = np.minimum(np.rint(ends / 8) * 8 + rng.integers(-2, 3), size).clip(0)
        low, high = int(ends.min()), int(ends.max())
        return (low, high) if high > low else (min(low, size - 1), min(low, size - 1) + 1)

    for _ in range(count):
        (top, bottom), (left, right) = span(height), span(width)
        yield top, left, bottom - top, right - left


def assert_exact(data: bytes, box: Box, denominator: int = 1) -> CroppedJpeg:
    """The box's pixels are those of the whole; returns the crop."""
    part = crop_jpeg(data, box, denominator=denominator)
    assert Image.open(io.BytesIO(part.data)).size == (part.width, part.height)
    top, left, height, width = box
    rows = slice(top // denominator, -(-(top + height) // denominator))
    columns = slice(left // denominator, -(-(left + width) // denominator))
    down, across = part.top // denominator, part.left // denominator
    np.testing.assert_array_equal(
        decoded(part.data, denominator)[
            rows.start - down : rows.stop - down, columns.start - across : columns.stop - across
        ],
        decoded(data, denominator)[rows, columns],
    )
    return part

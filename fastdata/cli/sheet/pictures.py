"""Arrays to small pictures that travel inside the page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fastdata.cli.sheet import colours

__all__ = [
    "distance_picture",
    "mask_overlay",
    "photo",
    "shrink_photo",
    "shrink_values",
    "thumbnail_size",
]

Pixels = NDArray[Any]

OVERLAY_ALPHA = 130
# The palette entry of pixels without a colour; classes beyond it share the colours of the first.
CLEAR = 255
CONTOUR = 30


def thumbnail_size(shape: tuple[int, ...], longest: int) -> tuple[int, int]:
    """(height, width) at most `longest` a side, for an array (height, width, ...); never larger."""
    height, width = shape[:2]
    factor = min(1.0, longest / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def shrink_photo(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """An image (height, width, 1 or 3) uint8 at `size`, antialiased, shape (h, w) or (h, w, 3)."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return np.asarray(picture.resize(size[::-1], Image.Resampling.LANCZOS, reducing_gap=2.0))


def shrink_values(values: Pixels, size: tuple[int, int]) -> Pixels:
    """Class ids or distances (height, width) at `size`: the nearest value, never a mixture."""
    rows = (np.arange(size[0]) + 0.5) * values.shape[0] / size[0]
    columns = (np.arange(size[1]) + 0.5) * values.shape[1] / size[1]
    nearest: Pixels = values[rows.astype(np.intp)[:, None], columns.astype(np.intp)]
    return nearest


def photo(small: Pixels) -> str:
    """``data:`` URI of what `shrink_photo` made."""
    return _uri(Image.fromarray(small), "JPEG", quality=82)


def mask_overlay(ids: Pixels, palette: colours.Colours) -> str:
    """``data:`` URI of a half transparent picture of a mask.

    Args:
        ids: (height, width) class ids, as small as the picture.
        palette: Colour of each id, (classes, 3); ids beyond it, as the ignored one, stay clear.
    """
    known = ids < len(palette)
    indexed = Image.fromarray(np.where(known, ids % CLEAR, CLEAR).astype(np.uint8), "P")
    indexed.putpalette(palette[:CLEAR].tobytes().ljust(3 * 256, b"\0"))
    return _uri(indexed, "PNG", transparency=bytes([OVERLAY_ALPHA]) * CLEAR + b"\0")


def distance_picture(distances: Pixels, *, span: float, signed: bool) -> str:
    """``data:`` URI of a distance map in false colours.

    Args:
        distances: (height, width) in pixels, as small as the picture.
        span: Distance of the last colour, in pixels.
        signed: The colours diverge from 0, and a dark line is drawn where the sign changes.
    """
    shares = distances / max(span, 1e-6)
    coloured = colours.diverging(shares) if signed else colours.sequential(shares)
    if signed:
        inside = distances < 0
        coloured[1:][inside[1:] != inside[:-1]] = CONTOUR
        coloured[:, 1:][inside[:, 1:] != inside[:, :-1]] = CONTOUR
    return _uri(Image.fromarray(coloured), "JPEG", quality=82)


def _uri(picture: Image.Image, form: str, **options: Any) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, form, optimize=True, **options)
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{form.lower()};base64,{text}"

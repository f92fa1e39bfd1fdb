"""One decoded sample through one geometry: box, resize, quarter turns, flips.

* Images: antialiased bilinear, by Pillow's ``resize(box=...)``, in uint8. The filter sees the
  pixels around the box too, where there are any; cropping first would cut it off at the box's edge.
* Masks: nearest, by Pillow's rule, so no class id appears that was not there.
* Distance maps: antialiased bilinear in float32, then the values are multiplied by the factor of
  the resize, since a distance of 10 pixels is one of 5 at half size. Where the two sides are
  resized by different factors, distances change by a different factor in every direction and no
  single one is exact; their geometric mean is used, wrong by at most the square root of the ratio
  of the two. A crop leaves distances as they are: to the nearest boundary of the whole image, also
  when that lies outside the crop.

Without a resize all three are copies of the source's pixels.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from fastdata.distance import dequantize
from fastdata.geometry import Geometry
from fastdata.schema import DistanceMap, Field, Image

__all__ = ["render"]

Pixels = npt.NDArray[Any]
Box = tuple[float, float, float, float]

_NEAREST = PillowImage.Resampling.NEAREST
_BILINEAR = PillowImage.Resampling.BILINEAR


def render(
    decoded: Pixels | PillowImage.Image, field: Field, geometry: Geometry, position: int
) -> Pixels:
    """Apply the geometry's row `position` to one decoded, upright sample.

    Args:
        decoded: An image as a Pillow image or uint8 (height, width, channels); a mask (height,
            width); or a distance map as stored, (height, width) or (classes, height, width).
        field: What it is.
        geometry: The batch's geometry.
        position: The sample's row in it.

    Returns:
        uint8 (h, w, channels), ids (h, w), or float32 distances in pixels of the result, (h, w) or
        (classes, h, w); possibly a view.
    """
    top, left, height, width = geometry.boxes[position].tolist()
    out_height, out_width = geometry.out_sizes[position].tolist()
    if geometry.rot90[position] & 1:
        out_height, out_width = out_width, out_height
    box: Box = (left, top, left + width, top + height)
    size = (out_width, out_height)
    if isinstance(field, Image):
        result = _image(decoded, box, size, bool(geometry.resized[position]))
    elif isinstance(field, DistanceMap):
        result = _distance(np.asarray(decoded), field, box, size, bool(geometry.resized[position]))
    else:
        result = _mask(np.asarray(decoded), box, size, bool(geometry.resized[position]))
    axes = (-2, -1) if isinstance(field, DistanceMap) else (0, 1)
    return _turned(result, geometry, position, axes)


def _turned(result: Pixels, geometry: Geometry, position: int, axes: tuple[int, int]) -> Pixels:
    if geometry.rot90[position]:
        result = np.rot90(result, int(geometry.rot90[position]), axes)
    if geometry.hflip[position]:
        result = np.flip(result, axes[1])
    if geometry.vflip[position]:
        result = np.flip(result, axes[0])
    return result


def _image(
    decoded: Pixels | PillowImage.Image, box: Box, size: tuple[int, int], resized: bool
) -> Pixels:
    if isinstance(decoded, PillowImage.Image):
        # A box of whole pixels and the same size is a plain copy, whatever the filter.
        result = np.asarray(decoded.resize(size, _BILINEAR if resized else _NEAREST, box))
    elif not resized:
        return _cut(decoded, box)
    else:
        window, box = _window(decoded, box, size)
        plane = window[:, :, 0] if window.shape[2] == 1 else window
        result = np.asarray(PillowImage.fromarray(plane).resize(size, _BILINEAR, box))
    return result[:, :, None] if result.ndim == 2 else result


def _mask(decoded: Pixels, box: Box, size: tuple[int, int], resized: bool) -> Pixels:
    if not resized:
        return _cut(decoded, box)
    return np.asarray(PillowImage.fromarray(decoded).resize(size, _NEAREST, box))


def _distance(
    stored: Pixels, field: DistanceMap, box: Box, size: tuple[int, int], resized: bool
) -> Pixels:
    planes = np.moveaxis(stored, 0, -1) if field.form == "signed" else stored
    if not resized:
        result = dequantize(_cut(planes, box), field)
        return np.moveaxis(result, -1, 0) if field.form == "signed" else result
    factor = math.sqrt(size[0] * size[1] / ((box[2] - box[0]) * (box[3] - box[1])))
    window, box = _window(planes, box, size)
    maps = np.atleast_3d(dequantize(window, field))
    results = np.stack(
        [
            np.asarray(PillowImage.fromarray(maps[:, :, k].copy()).resize(size, _BILINEAR, box))
            for k in range(maps.shape[2])
        ]
    )
    results *= np.float32(factor)
    return results if field.form == "signed" else results[0]


def _cut(planes: Pixels, box: Box) -> Pixels:
    left, top, right, bottom = map(int, box)
    return planes[top:bottom, left:right]


def _window(planes: Pixels, box: Box, size: tuple[int, int]) -> tuple[Pixels, Box]:
    """The part of `planes` (height, width, ...) that the filter reaches, and the box within it."""
    left, top, right, bottom = box
    # The filter's reach is one output pixel, or one source pixel when enlarging; one more for
    # rounding.
    across = math.ceil(max(1.0, (right - left) / size[0])) + 1
    down = math.ceil(max(1.0, (bottom - top) / size[1])) + 1
    x, y = max(0, math.floor(left) - across), max(0, math.floor(top) - down)
    window = planes[y : math.ceil(bottom) + down, x : math.ceil(right) + across]
    return np.ascontiguousarray(window), (left - x, top - y, right - x, bottom - y)

"""Exact Euclidean distance maps of class masks, stored in one or two bytes a pixel.

Source: the distances are computed by the `edt` package (W. Silversmith), which follows Felzenszwalb
and Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8, 2012.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import edt
import numpy as np
import numpy.typing as npt

from fastdata.errors import LabelError, UsageError
from fastdata.schema import DistanceMap

__all__ = [
    "boundary",
    "dequantize",
    "distance_field",
    "quantization_error_pixels",
    "quantize",
    "signed",
]

Map = npt.NDArray[np.float32]

# Stored value of distance 0 in a byte of a signed map: 1..255 stand for -127..127.
_SIGNED_ZERO = 128
_SIGNED_STEPS = 127
_STEPS = 255
_FLOAT16_MAX = 65504.0


def boundary(
    mask: npt.NDArray[Any], *, ignore_index: int | None = None, truncate: float | None = None
) -> Map:
    """Distance of every pixel to the nearest class boundary.

    A boundary pixel is one that has another class above, below, left or right of it; both sides of
    a boundary count. The distance is Euclidean, between pixel centres, to the nearest boundary
    pixel, so it is 0 on boundary pixels and 1 beside them: SciPy's
    ``distance_transform_edt(~is_boundary)``.

    Args:
        mask: Class ids, (height, width).
        ignore_index: Pixels of this id belong to no class: where they meet a class is no boundary.
            Their own distances are computed like all others.
        truncate: Larger distances are set to this many pixels.

    Returns:
        float32 (height, width), pixels, >= 0. Without any boundary every pixel has the length of
        the image's diagonal (or `truncate`), which no true distance reaches.

    Raises:
        LabelError: The mask is not two-dimensional, or holds no integers.
    """
    _check_mask(mask)
    inner = _boundary_pixels(mask, ignore_index)
    if not inner.any():
        return np.full(mask.shape, _farthest(mask.shape, truncate), dtype=np.float32)
    return _clipped(_to_nearest(inner), truncate)


def signed(mask: npt.NDArray[Any], classes: int, *, truncate: float | None = None) -> Map:
    """For every class, the distance of every pixel to it: negative inside, positive outside.

    Outside a class it is the distance to the nearest pixel of the class, inside minus the distance
    to the nearest pixel of another id; between pixel centres, so values are <= -1 or >= 1. This is
    SciPy's ``distance_transform_edt(mask != k) - distance_transform_edt(mask == k)``.

    Ids of `classes` and above, such as an ignored 255, belong to no class and count as outside of
    all.

    Args:
        mask: Class ids, (height, width).
        classes: Number of classes, ids 0..classes-1.
        truncate: Distances are limited to this many pixels on either side.

    Returns:
        float32 (classes, height, width), pixels. A class that is absent has the length of the
        image's diagonal (or `truncate`) everywhere, one that fills the image minus that.

    Raises:
        LabelError: The mask is not two-dimensional, or holds no integers.
    """
    _check_mask(mask)
    farthest = _farthest(mask.shape, truncate)
    result = np.empty((classes, *mask.shape), dtype=np.float32)
    # One pass gives the inner distances of all classes: to the nearest pixel of another id.
    depth = _clipped(_to_other_id(mask), farthest)
    for k in range(classes):
        inside = mask == k
        if not inside.any():
            result[k] = farthest
            continue
        np.minimum(_to_nearest(inside), farthest, out=result[k])
        np.copyto(result[k], -depth, where=inside)
    return result


def _to_nearest(targets: npt.NDArray[np.bool_]) -> Map:
    """Distance of every pixel to the nearest True one; there must be one."""
    found: Map = edt.edt(~targets, black_border=False)
    return found


def _to_other_id(mask: npt.NDArray[Any]) -> Map:
    """Distance of every pixel to the nearest pixel of another id; infinite if there is none."""
    # edt takes label 0 for background of distance 0, so ids are moved up by one.
    labels = mask.astype(np.uint32) + np.uint32(1)
    found: Map = edt.edt(labels, black_border=False)
    return found


def _boundary_pixels(mask: npt.NDArray[Any], ignore_index: int | None) -> npt.NDArray[np.bool_]:
    down = mask[1:] != mask[:-1]
    right = mask[:, 1:] != mask[:, :-1]
    if ignore_index is not None:
        known = mask != ignore_index
        down &= known[1:] & known[:-1]
        right &= known[:, 1:] & known[:, :-1]
    result = np.zeros(mask.shape, dtype=np.bool_)
    result[1:] |= down
    result[:-1] |= down
    result[:, 1:] |= right
    result[:, :-1] |= right
    return result


def _farthest(shape: tuple[int, ...], truncate: float | None) -> float:
    return math.hypot(*shape) if truncate is None else truncate


def _clipped(distances: Map, limit: float | None) -> Map:
    return distances if limit is None else np.minimum(distances, np.float32(limit))


def _check_mask(mask: npt.NDArray[Any]) -> None:
    if mask.ndim != 2 or mask.dtype.kind not in "ui" or not mask.size:
        raise LabelError(
            f"a mask of type {mask.dtype} and shape {mask.shape}; expected integers (height, width)"
        )


def distance_field(
    form: Literal["boundary", "signed"],
    *,
    of: str = "mask",
    dtype: Literal["uint8", "float16"] = "float16",
    truncate: float | None = None,
    classes: int = 0,
    shape: tuple[int, int] | None = None,
) -> DistanceMap:
    """The field for a kind of distance map, with the finest scale that its type allows.

    * float16 stores pixels as they are; its error grows with the distance (2**-11 of it).
    * uint8 spreads its steps over 0..truncate (255 steps) or -truncate..truncate (127 steps a
      side). Without `truncate` a step is one pixel, and distances are truncated at 255 or 127
      pixels.

    Args:
        form: "boundary" or "signed".
        of: Name of the mask field.
        dtype: Stored type.
        truncate: Limit of the distances in pixels; a small one makes uint8 finer.
        classes: Number of classes, for "signed".
        shape: (height, width) when all samples have it.

    Raises:
        UsageError: `truncate` is not positive and finite, or "signed" has no classes.
    """
    if truncate is not None and not 0 < truncate <= _FLOAT16_MAX:
        raise UsageError(f"truncate is {truncate} pixels; expected above 0 and at most 65504")
    if form == "signed" and classes < 1:
        raise UsageError("a signed distance map needs the number of classes; found none")
    steps = _SIGNED_STEPS if form == "signed" else _STEPS
    if dtype == "uint8" and truncate is None:
        truncate = float(steps)
    return DistanceMap(
        form=form,
        of=of,
        dtype=dtype,
        scale=1.0 if dtype == "float16" or truncate is None else truncate / steps,
        zero=_SIGNED_ZERO if dtype == "uint8" and form == "signed" else 0,
        truncate=truncate,
        classes=classes if form == "signed" else 0,
        shape=shape,
    )


def quantize(distances: Map, field: DistanceMap) -> npt.NDArray[Any]:
    """Distances in pixels as `field` stores them: truncated, then rounded to the nearest step."""
    limit = _FLOAT16_MAX if field.truncate is None else field.truncate
    clipped = np.clip(distances, -limit, limit)
    if field.dtype == "float16":
        half: npt.NDArray[Any] = (clipped / np.float32(field.scale)).astype(field.item_dtype)
        return half
    steps = np.rint(clipped / np.float32(field.scale)) + field.zero
    stored: npt.NDArray[np.uint8] = np.clip(steps, 0, 255).astype(np.uint8)
    return stored


def dequantize(stored: npt.NDArray[Any], field: DistanceMap) -> Map:
    """Distances in pixels, float32, of stored values of any shape; a new array."""
    result = stored.astype(np.float32)
    if field.zero:
        result -= np.float32(field.zero)
    if field.scale != 1.0:
        result *= np.float32(field.scale)
    return result


def quantization_error_pixels(field: DistanceMap, distance: float | None = None) -> float:
    """Largest difference between a (truncated) distance and what comes back from storage.

    uint8: half a step, at any distance. float16: half a unit in the last place, which is largest at
    the largest distance: 0.0156 px up to 64, 0.125 px up to 512.

    Args:
        field: How it is stored.
        distance: Largest distance that occurs; by default `truncate`, else the diagonal of `shape`,
            else the largest that float16 holds.
    """
    if field.dtype == "uint8":
        return field.scale / 2
    if distance is None:
        whole = _FLOAT16_MAX if field.shape is None else math.hypot(*field.shape)
        distance = whole if field.truncate is None else field.truncate
    # A float16 has 10 bits after the leading one: half a step is 2**-11 of the power of two below.
    return float(2.0 ** (math.floor(math.log2(max(distance, 2.0**-14))) - 11))

"""From stored bytes to the arrays, numbers and strings of a sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.codecs import decode_image, decode_mask
from fastdata.distance import dequantize
from fastdata.errors import PackCorrupt
from fastdata.schema import Bytes, DistanceMap, Field, Image, Mask, Text

__all__ = ["decode_record", "decode_rows", "record_shape"]


def decode_record(field: Field, data: memoryview, size: tuple[int, int] | None) -> Any:
    """One stored record as a user sees it, a new and writable array (or str).

    Args:
        field: The field it belongs to.
        data: Its bytes.
        size: (height, width) of a spatial field.

    Raises:
        InputError: The codec cannot decode it.
    """
    if isinstance(field, Text):
        return str(data, "utf-8", "surrogateescape")
    if isinstance(field, Bytes):
        return bytes(data)
    if isinstance(field, Image) and field.codec != "raw":
        return decode_image(data, field.channels)
    if isinstance(field, Mask) and field.codec == "png":
        return decode_mask(data).astype(field.item_dtype, copy=False)
    return decode_rows(field, _raw(field, data, size or (0, 0)))


def decode_rows(field: Field, stored: NDArray[Any]) -> NDArray[Any]:
    """Raw values as a user sees them: distance maps in pixels, all else as stored.

    Args:
        field: The field they belong to.
        stored: One value or a batch of them.
    """
    if isinstance(field, DistanceMap):
        return np.asarray(dequantize(stored, field))
    return stored


def record_shape(field: Field, size: tuple[int, int]) -> tuple[int, ...]:
    """Shape of one raw value of a spatial field of this (height, width)."""
    if isinstance(field, Image):
        return (*size, field.channels)
    if isinstance(field, DistanceMap) and field.form == "signed":
        return (field.classes, *size)
    return size


def _raw(field: Field, data: memoryview, size: tuple[int, int]) -> NDArray[Any]:
    shape = record_shape(field, size)
    if len(data) != math.prod(shape) * field.item_dtype.itemsize:
        raise PackCorrupt(
            f"a raw record of {len(data)} bytes cannot have shape {shape}; convert again"
        )
    return np.frombuffer(data, field.item_dtype).reshape(shape).copy()

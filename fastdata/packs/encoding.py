"""From the values of one sample to stored bytes; pure, so it runs in worker processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.distance import quantize
from fastdata.errors import FastDataError, InputError, LabelError, UsageError
from fastdata.packs.decoding import record_shape
from fastdata.packs.pixels import encode_image, encode_mask
from fastdata.schema import (
    Array,
    Bytes,
    DistanceMap,
    Field,
    Image,
    Label,
    Mask,
    Scalar,
    Schema,
    Text,
    Window,
)

__all__ = ["EncodedField", "EncodedSample", "encode_sample"]

Size = tuple[int, int]


@dataclass(frozen=True)
class EncodedField:
    """One value as it is stored.

    Attributes:
        data: Its bytes.
        size: (height, width) of its upright pixels, None for fields without pixels.
    """

    data: bytes
    size: Size | None = None


@dataclass(frozen=True)
class EncodedSample:
    """One sample as it is stored.

    Attributes:
        key: Its source name, or "".
        fields: Its values, for every field of the schema.
    """

    key: str
    fields: dict[str, EncodedField]


def encode_sample(
    schema: Schema, values: Mapping[str, Any], key: str = "", *, check_pixels: bool = True
) -> EncodedSample:
    """Check and encode one sample.

    Args:
        schema: What a sample is.
        values: A value for every field: encoded image bytes or pixel arrays for images and masks,
            float distances in pixels for distance maps, arrays, numbers, class ids or names,
            strings, and the start row for windows.
        key: Source name, used in messages and stored.
        check_pixels: Decode image bytes that are stored untouched, so that no image that cannot be
            decoded gets into a pack, and transcode those of "jpeg-fast". Pass False only when that
            has been done already.

    Raises:
        UsageError: A field is missing, or there is one too many.
        InputError: A value does not fit its field.
        LabelError: A class id is out of range, or pixels of one sample differ in size.
    """
    if values.keys() != schema.keys():
        raise UsageError(
            f"{key or 'a sample'} has the fields {sorted(values)}; the schema wants "
            f"{sorted(schema)}"
        )
    fields = {}
    for name, field in schema.items():
        try:
            fields[name] = _encode(field, values[name], check_pixels)
        except FastDataError as error:
            raise type(error)(f"{key or 'a sample'}, field {name!r}: {error}") from error
    _check_sizes(schema, fields, key)
    return EncodedSample(key, fields)


def _encode(field: Field, value: Any, check_pixels: bool) -> EncodedField:
    if isinstance(field, Image):
        return EncodedField(*encode_image(field, value, check_pixels=check_pixels))
    if isinstance(field, Mask):
        return EncodedField(*encode_mask(field, value))
    if isinstance(field, DistanceMap):
        return _distance(field, value)
    if isinstance(field, Text):
        return EncodedField(_text(value))
    if isinstance(field, Bytes):
        return EncodedField(memoryview(value).tobytes())
    if isinstance(field, Label):
        return EncodedField(np.asarray(_class_id(field, value), field.item_dtype).tobytes())
    if isinstance(field, Window):
        return EncodedField(np.asarray(_natural(value), "<i8").tobytes())
    if isinstance(field, Array | Scalar):
        return EncodedField(_fit(field, np.asarray(value)).tobytes())
    raise UsageError(f"fields of kind {field.kind!r} cannot be stored")


def _distance(field: DistanceMap, value: Any) -> EncodedField:
    stored = np.ascontiguousarray(quantize(np.asarray(value), field), field.item_dtype)
    size = (int(stored.shape[-2]), int(stored.shape[-1])) if stored.ndim >= 2 else (0, 0)
    expected = record_shape(field, field.shape or size)
    if stored.shape != expected:
        raise InputError(f"a distance map of shape {stored.shape}; expected {expected}")
    return EncodedField(stored.tobytes(), size)


def _text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise InputError(f"{value!r} is a {type(value).__name__}; expected a string")
    return value.encode("utf-8", "surrogateescape")


def _class_id(field: Label, value: Any) -> int:
    if isinstance(value, str):
        if value not in field.classes:
            raise LabelError(f"unknown class {value!r}; expected one of {_some(field.classes)}")
        return field.classes.index(value)
    number = _natural(value)
    if field.classes and number >= len(field.classes):
        raise LabelError(f"class id {number}; there are {len(field.classes)} classes, ids from 0")
    return number


def _natural(value: Any) -> int:
    array = np.asarray(value)
    if array.shape != () or array.dtype.kind not in "iu" or int(array) < 0 or int(array) >= 1 << 63:
        raise LabelError(f"{value!r} is no whole number from 0 up")
    return int(array)


def _fit(field: Array | Scalar, array: NDArray[Any]) -> NDArray[Any]:
    """The array in the stored type, refused where a value would change by more than rounding."""
    if array.shape != field.item_shape:
        raise InputError(f"an array of shape {array.shape}; expected {field.item_shape}")
    dtype = field.item_dtype
    if array.dtype.kind not in "biuf":
        raise InputError(f"an array of type {array.dtype}; expected numbers that fit {dtype}")
    with np.errstate(all="ignore"):
        stored = array.astype(dtype)
        same = stored == array if dtype.kind != "f" else np.isfinite(stored) == np.isfinite(array)
    if not np.all(same):
        raise InputError(
            f"values of type {array.dtype} that do not fit {dtype}; found {_some(array)}"
        )
    return stored


def _some(values: Any) -> str:
    text = str(list(np.asarray(values).reshape(-1)[:5].tolist()))
    return text if np.size(values) <= 5 else f"{text[:-1]}, ...]"


def _check_sizes(schema: Schema, fields: Mapping[str, EncodedField], key: str) -> None:
    images = [fields[name].size for name, field in schema.items() if isinstance(field, Image)]
    for name, field in schema.items():
        size = fields[name].size
        if isinstance(field, DistanceMap) and size != fields[field.of].size:
            partner, expected = field.of, str(fields[field.of].size)
        elif isinstance(field, Mask) and images and size not in images:
            partner, expected = "image", " or ".join(str(image) for image in images)
        else:
            continue
        raise LabelError(
            f"{key or 'a sample'}: {name} is {size} (height, width), its {partner} is {expected}; "
            "both must have the same size"
        )

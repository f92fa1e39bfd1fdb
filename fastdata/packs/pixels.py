"""Images and masks on their way into a pack: bytes kept where they may be, else encoded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.codecs import (
    decode_mask,
    decode_strictly,
    encode_jpeg,
    encode_mask_png,
    encode_png,
    probe,
    transcode_jpeg,
)
from fastdata.errors import InputError, LabelError
from fastdata.schema import Image, Mask

__all__ = ["encode_image", "encode_mask"]

Size = tuple[int, int]


def encode_image(field: Image, value: Any, *, check_pixels: bool) -> tuple[bytes, Size]:
    """Stored bytes and upright (height, width) of an image.

    Bytes are kept untouched when the field's codec is "keep" or their own format; arrays under
    "keep" become PNG, which loses nothing. Under "jpeg-fast", JPEGs are transcoded without loss,
    PNGs are kept, and arrays become JPEGs of the field's quality.

    Args:
        field: The image field.
        value: Bytes of a JPEG or PNG file, or uint8 pixels (H, W, channels), for one channel also
            (H, W).
        check_pixels: Decode bytes that are kept, and transcode those that are to be; False for
            bytes with which that has been done.

    Raises:
        InputError: They cannot be decoded, or do not fit the field.
        UsageError: Transcoding needs the compiled core, which is not there.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        header = probe(data)
        if field.codec in ("keep", "jpeg-fast", header.format):
            if check_pixels:
                data = _checked(field, data, header.format)
            return data, _expected(field, (header.height, header.width))
        pixels = decode_strictly(data, field.channels)
    else:
        pixels = _pixels(field, value)
    size = _expected(field, (int(pixels.shape[0]), int(pixels.shape[1])))
    if field.codec == "raw":
        return pixels.tobytes(), size
    if field.codec in ("jpeg", "jpeg-fast"):
        encoded = encode_jpeg(pixels, field.quality)
        return (encoded if field.codec == "jpeg" else transcode_jpeg(encoded)), size
    return encode_png(pixels), size


def encode_mask(field: Mask, value: Any) -> tuple[bytes, Size]:
    """Stored bytes and upright (height, width) of a mask; PNG bytes are kept under "png".

    Args:
        field: The mask field.
        value: Bytes of a PNG or JPEG file, or whole numbers (H, W).

    Raises:
        InputError: It cannot be decoded.
        LabelError: An id belongs to no class, or does not fit the field.
    """
    kept = None
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        ids = decode_mask(data)
        kept = data if field.codec == "png" and probe(data).format == "png" else None
    else:
        ids = np.asarray(value)
    _check_ids(field, ids)
    size = _expected(field, (int(ids.shape[0]), int(ids.shape[1])))
    if kept is not None:
        return kept, size
    stored = np.ascontiguousarray(ids, field.item_dtype)
    return (stored.tobytes() if field.codec == "raw" else encode_mask_png(stored)), size


def _checked(field: Image, data: bytes, form: str) -> bytes:
    """The bytes as they are stored; transcoding finds all damage that decoding would."""
    if field.codec == "jpeg-fast" and form == "jpeg":
        return transcode_jpeg(data)
    decode_strictly(data, field.channels)
    return data


def _pixels(field: Image, value: Any) -> NDArray[np.uint8]:
    pixels = np.asarray(value)
    if pixels.ndim == 2 and field.channels == 1:
        pixels = pixels[:, :, None]
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != field.channels:
        raise InputError(
            f"pixels of type {pixels.dtype} and shape {pixels.shape}; expected uint8 "
            f"(height, width, {field.channels})"
        )
    return np.ascontiguousarray(pixels)


def _check_ids(field: Mask, ids: NDArray[Any]) -> None:
    if ids.ndim != 2 or ids.dtype.kind not in "iub":
        raise LabelError(
            f"a mask of type {ids.dtype} and shape {ids.shape}; expected whole numbers (height, "
            f"width)"
        )
    present = np.unique(ids)
    if field.ignore_index is not None:
        present = present[present != field.ignore_index]
    limit = len(field.classes) or np.iinfo(field.item_dtype).max + 1
    if present.size and (present[0] < 0 or present[-1] >= limit):
        worst = present[0] if present[0] < 0 else present[-1]
        raise LabelError(
            f"mask holds class id {worst}; expected 0..{limit - 1}"
            + (f" or {field.ignore_index} (ignored)" if field.ignore_index is not None else "")
        )
    if field.ignore_index is not None and field.ignore_index >= 1 << 8 * field.item_dtype.itemsize:
        raise LabelError(f"ignore_index {field.ignore_index} does not fit {field.dtype}")


def _expected(field: Image | Mask, size: Size) -> Size:
    if field.shape is not None and size != tuple(field.shape):
        raise InputError(f"{size} (height, width); every sample of this field has {field.shape}")
    if 0 in size:
        raise InputError(f"{size} (height, width) has no pixels")
    return size

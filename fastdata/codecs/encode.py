"""Arrays to bytes: JPEG for pictures that may lose a little, PNG for the others and for masks."""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from fastdata.errors import InputError, LabelError, UsageError

__all__ = ["encode_jpeg", "encode_mask_png", "encode_png"]

_MAX_JPEG_SIDE: Final = 65_500


def encode_jpeg(pixels: npt.NDArray[np.uint8], quality: int) -> bytes:
    """A baseline JPEG with optimised Huffman tables and chroma halved, as most cameras write it.

    Args:
        pixels: uint8, (height, width, 3), (height, width, 1) or (height, width), values 0..255.
        quality: 1..100, libjpeg's scale.

    Raises:
        InputError: The array is no such picture, or has a side over 65,500.
        UsageError: The quality is outside its range.
    """
    if not 1 <= quality <= 100:
        raise UsageError(f"JPEG quality {quality}; expected 1 to 100")
    image = _picture(pixels)
    # libjpeg would refuse it too, but prints to the console on the way.
    if max(image.size) > _MAX_JPEG_SIDE:
        raise InputError(
            f"an image of {image.width} x {image.height} pixels cannot be written as JPEG; "
            f"expected at most {_MAX_JPEG_SIDE} a side; use PNG or raw"
        )
    return _saved(image, "JPEG", quality=quality, optimize=True)


def encode_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A PNG that decodes to exactly `pixels`.

    Args:
        pixels: uint8, (height, width, 3), (height, width, 1) or (height, width), values 0..255.

    Raises:
        InputError: The array is no such picture.
    """
    return _saved(_picture(pixels), "PNG")


def encode_mask_png(ids: npt.NDArray[Any]) -> bytes:
    """A gray PNG of 8 or 16 bits that decodes to exactly `ids`.

    Args:
        ids: Class ids, uint8 or uint16, (height, width).

    Raises:
        LabelError: The array has another type or shape.
    """
    if ids.ndim != 2 or ids.dtype.kind != "u" or ids.dtype.itemsize > 2 or not ids.size:
        raise LabelError(
            f"a mask of type {ids.dtype} and shape {ids.shape}; "
            "expected uint8 or uint16 (height, width)"
        )
    return _saved(Image.fromarray(np.ascontiguousarray(ids, ids.dtype.newbyteorder("="))), "PNG")


def _picture(pixels: npt.NDArray[np.uint8]) -> Image.Image:
    plane = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    is_picture = plane.ndim == 2 or (plane.ndim == 3 and plane.shape[2] == 3)
    if plane.dtype != np.uint8 or not is_picture or not plane.size:
        raise InputError(
            f"an image of type {pixels.dtype} and shape {pixels.shape}; "
            "expected uint8 (height, width), (height, width, 1) or (height, width, 3)"
        )
    return Image.fromarray(np.ascontiguousarray(plane))


def _saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    try:
        image.save(file, file_format, **options)
    except (OSError, ValueError) as error:
        raise InputError(
            f"an image of {image.width} x {image.height} pixels cannot be written as "
            f"{file_format}: {error}"
        ) from error
    return file.getvalue()

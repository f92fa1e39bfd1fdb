"""Bytes to arrays: images as Pillow converts them, masks value for value.

Every rule in one place:

* JPEG and PNG only, by content; whatever the extension says.
* Upright always: EXIF orientation (or XMP's, where EXIF has none) is applied to images and masks.
* CMYK and YCCK, gray, palette, 1-bit and interlaced files are converted by Pillow's ``convert``.
* Alpha is dropped, not composited, as ``convert("RGB")`` does.
* 16 bits become 8 by keeping the high byte, for gray as for colour. (Pillow clips gray at 255.)
* Gamma, colour profiles and transparent colours are ignored.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from fastdata.codecs.header import ImageHeader
from fastdata.codecs.jpeg import decode_jpeg, probe_jpeg
from fastdata.codecs.limits import Limits
from fastdata.codecs.png import decode_png, probe_png
from fastdata.codecs.sniff import image_format
from fastdata.errors import LabelError, UsageError

__all__ = ["decode_image", "decode_mask", "open_image", "probe"]

Data = bytes | bytearray | memoryview

DEFAULT_LIMITS: Final = Limits()
_TARGET_MODE: Final = {1: "L", 3: "RGB"}


def probe(data: Data, *, limits: Limits = DEFAULT_LIMITS) -> ImageHeader:
    """What the header of a JPEG or PNG says; takes no memory for pixels.

    Pixel data are not looked at, so a file that probes well may still fail to decode.

    Args:
        data: The whole file; any bytes-like object.
        limits: What the header may ask for.

    Raises:
        InputError: Neither JPEG nor PNG ("looks like ..."), damaged, of an unsupported kind
            ("unsupported: ..."), or over a limit.
    """
    return probe_jpeg(data, limits) if image_format(data) == "jpeg" else probe_png(data, limits)


def decode_image(
    data: Data, channels: int, *, limits: Limits = DEFAULT_LIMITS
) -> npt.NDArray[np.uint8]:
    """Upright pixels, uint8 of shape (height, width, channels), values 0..255, a new array.

    Equal to Pillow's ``ImageOps.exif_transpose(Image.open(file)).convert("RGB" or "L")``, except
    that 16-bit gray keeps its high byte. Safe to call from many threads; the GIL is released while
    decoding.

    Args:
        data: The whole file; any bytes-like object.
        channels: 3 for RGB, 1 for gray.
        limits: What the header may ask for, checked before memory is taken.

    Raises:
        InputError: As `probe`; or the compressed data are damaged or cut off.
        UsageError: `channels` is neither 3 nor 1.
    """
    pixels = np.array(open_image(data, channels, limits=limits))
    return pixels.reshape(*pixels.shape[:2], channels)


def open_image(data: Data, channels: int, *, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """`decode_image` as a Pillow image of mode "RGB" or "L", for further work in Pillow.

    Raises:
        InputError: As `decode_image`.
    """
    if channels not in _TARGET_MODE:
        raise UsageError(
            f"an image of {channels} channels was asked for; expected 3 (RGB) or 1 (gray)"
        )
    decode = decode_jpeg if image_format(data) == "jpeg" else decode_png
    image = decode(data, limits)
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    target = _TARGET_MODE[channels]
    return image if image.mode == target else image.convert(target)


def decode_mask(data: Data, *, limits: Limits = DEFAULT_LIMITS) -> npt.NDArray[Any]:
    """Class ids, (height, width), uint8 or for 16-bit files uint16, exactly as stored; a new array.

    A palette file gives its indices, gray of 1, 2, 4, 8 or 16 bits its values. Orientation is
    applied as for images.

    Args:
        data: The whole file; any bytes-like object.
        limits: What the header may ask for, checked before memory is taken.

    Raises:
        LabelError: The file holds colours, alpha, or a JPEG, whose compression alters ids.
        InputError: As `decode_image`.
    """
    if image_format(data) == "jpeg":
        raise LabelError(
            "the mask is a JPEG, whose compression alters class ids; expected a PNG; "
            "save the mask as PNG from its source"
        )
    image = decode_png(data, limits, ids=True)
    if image.mode not in ("P", "L", "I;16"):
        raise LabelError(
            f"the mask has mode {image.mode}; expected one number a pixel (palette or gray PNG); "
            "map its colours to class ids first"
        )
    return np.array(image)

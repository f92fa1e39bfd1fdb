"""How a photograph must be turned to stand upright: EXIF first, XMP where EXIF says nothing.

The same rule serves images, masks and the sizes that `probe` tells, and damaged metadata never
stops an image from being used: what cannot be read counts as absent.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from PIL import Image

__all__ = ["exif_orientation", "swaps_sides", "upright", "xmp_orientation"]

_TAG: Final = 0x0112
_HEADERS = (b"II*\0", b"II\0*", b"MM\0*", b"MM*\0", b"MM\0+")
# TIFF type -> bytes of one value, and how to unpack it; None where it is no number.
_TYPES: Final[dict[int, tuple[int, str | None]]] = {
    1: (1, None),
    2: (1, None),
    3: (2, "H"),
    4: (4, "L"),
    5: (8, "LL"),
    6: (1, "b"),
    7: (1, None),
    8: (2, "h"),
    9: (4, "l"),
    10: (8, "ll"),
    11: (4, "f"),
    12: (8, "d"),
    13: (4, "L"),
    16: (8, "Q"),
}
_EXIF_PREFIX = re.compile(rb"\A(?:Exif\0\0){1,2}")
_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def swaps_sides(orientation: int) -> bool:
    """Whether turning upright exchanges height and width."""
    return orientation >= 5


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """`image` turned as `orientation` (1..8) asks, or itself when it stands upright."""
    method = _TRANSPOSE.get(orientation)
    return image if method is None else image.transpose(method)


def xmp_orientation(xmp: bytes) -> int | None:
    """The orientation that an XMP packet names, 1..8, or None."""
    found = _XMP.search(xmp)
    return None if found is None else _valid(int(found[1]))


def exif_orientation(exif: bytes) -> int | None:
    """The orientation that an EXIF block names: 1..8, or None where it has no readable orientation.

    A value outside 1..8 counts as 1, as in Pillow.

    Source: TIFF 6.0, section 2 (image file directories); EXIF 2.32, 4.6.4 (tag 0x0112).
    """
    tiff = _EXIF_PREFIX.sub(b"", exif)
    if tiff[:4] not in _HEADERS or len(tiff) < 8:
        return None
    try:
        return _directory_orientation(tiff, ">" if tiff[:2] == b"MM" else "<")
    except (struct.error, ZeroDivisionError):
        return None


def _directory_orientation(tiff: bytes, order: str) -> int | None:
    (start,) = struct.unpack_from(order + "L", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, start)
    outside = 0
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, length, value = struct.unpack_from(order + "HHLL", tiff, entry)
        if kind not in _TYPES:
            continue
        size, code = _TYPES[kind]
        at = entry + 8
        if length * size > 4:
            outside += length * size
            if outside > len(tiff):
                continue
            if value + length * size > len(tiff):
                return None
            at = value
        if tag == _TAG and length:
            return 1 if code is None else _number(struct.unpack_from(order + code, tiff, at))
    return None


def _number(values: tuple[float, ...]) -> int:
    value = values[0] / values[1] if len(values) == 2 else values[0]
    return _valid(int(value)) if value == value // 1 else 1


def _valid(value: int) -> int:
    return value if 1 <= value <= 8 else 1

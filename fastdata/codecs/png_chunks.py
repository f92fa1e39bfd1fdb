"""PNG: the chunk walk, with checksums, to what pixels and orientation need.

Text, profiles and animation frames are stepped over; only text that may hold an orientation is ever
inflated, to a bound.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from fastdata.codecs.limits import MAX_PARTS, Limits
from fastdata.codecs.orientation import exif_orientation, xmp_orientation
from fastdata.errors import InputError

__all__ = ["MODES", "Data", "Png", "damaged", "read_chunks"]

Data = bytes | bytearray | memoryview

# (bit depth, colour type) -> Pillow's mode and raw mode for images.
MODES: Final = {
    (1, 0): ("1", "1"),
    (2, 0): ("L", "L;2"),
    (4, 0): ("L", "L;4"),
    (8, 0): ("L", "L"),
    (16, 0): ("I;16", "I;16B"),
    (8, 2): ("RGB", "RGB"),
    (16, 2): ("RGB", "RGB;16B"),
    (1, 3): ("P", "P;1"),
    (2, 3): ("P", "P;2"),
    (4, 3): ("P", "P;4"),
    (8, 3): ("P", "P"),
    (8, 4): ("LA", "LA"),
    (16, 4): ("RGBA", "LA;16B"),
    (8, 6): ("RGBA", "RGBA"),
    (16, 6): ("RGBA", "RGBA;16B"),
}
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7: Final = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
# As Pillow: a compressed text may not inflate to more.
_MAX_TEXT_BYTES: Final = 1 << 20
_TEXT_KEYS: Final = (b"exif", b"Raw profile type exif", b"XML:com.adobe.xmp")


@dataclass
class Png:
    """The chunks that matter: header, palette, pixels, orientation."""

    height: int
    width: int
    bits: int
    colour: int
    interlaced: bool
    palette: bytes = b""
    pixels: list[Data] = field(default_factory=list)
    exif: bytes = b""
    profile: bytes = b""
    xmp: bytes = b""

    @property
    def orientation(self) -> int:
        """EXIF orientation 1..8, from any of the places where writers put it."""
        exif = self.exif or _profile_bytes(self.profile)
        found = exif_orientation(exif) if exif else None
        if found is None and self.xmp:
            found = xmp_orientation(self.xmp)
        return found or 1

    @property
    def data_bytes(self) -> int:
        """Bytes of the inflated pixels with their filter bytes."""
        bits = self.bits * _SAMPLES[self.colour]
        passes = _ADAM7 if self.interlaced else ((0, 0, 1, 1),)
        total = 0
        for top, left, down, right in passes:
            rows, columns = -((top - self.height) // down), -((left - self.width) // right)
            if rows > 0 and columns > 0:
                total += rows * (1 + (columns * bits + 7) // 8)
        return total


def read_chunks(data: Data, limits: Limits, *, verify: bool) -> Png:
    """Walk the file to its end chunk.

    Args:
        data: The file's bytes.
        limits: What the header may ask for; checked before anything else is read.
        verify: Check the checksums of the pixel data too; the others always are.

    Raises:
        InputError: A chunk is damaged, missing or cut off, or a limit is passed.
    """
    chunks = _chunks(data, verify)
    kind, payload = next(chunks)
    if kind != b"IHDR" or len(payload) != 13:
        raise damaged(f"the first chunk is {kind!r} of {len(payload)} bytes, not a header of 13")
    png = _header_chunk(payload)
    limits.check_size(png.height, png.width)
    for kind, payload in chunks:
        _take(kind, payload, png)
    if not png.pixels:
        raise damaged("it has no image data")
    if png.colour == 3 and (not png.palette or len(png.palette) % 3 or len(png.palette) > 768):
        raise damaged(f"a palette of {len(png.palette)} bytes")
    return png


def _header_chunk(payload: Data) -> Png:
    width, height, bits, colour, compression, filters, interlace = struct.unpack(
        ">LLBBBBB", payload
    )
    if (bits, colour) not in MODES or compression or filters or interlace > 1:
        raise damaged(
            f"{bits} bits of colour type {colour}, compression {compression}, filter {filters}, "
            f"interlace {interlace} do not exist"
        )
    return Png(height, width, bits, colour, interlace == 1)


def _chunks(data: Data, verify: bool) -> Iterator[tuple[bytes, Data]]:
    """Kind and payload of every chunk up to the end chunk, which must be there."""
    view = memoryview(data)
    at = 8
    for _ in range(MAX_PARTS):
        if at + 12 > len(view):
            raise damaged("it is cut off between chunks")
        length, kind = struct.unpack_from(">L4s", view, at)
        end = at + 12 + length
        if end > len(view):
            raise damaged(f"it is cut off inside chunk {kind!r}")
        if (verify or kind != b"IDAT") and zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(
            view[end - 4 : end], "big"
        ):
            raise damaged(f"the checksum of chunk {kind!r} is wrong")
        if kind == b"IEND":
            return
        yield kind, view[at + 8 : end - 4]
        at = end
    raise damaged(f"more than {MAX_PARTS} chunks")


def _take(kind: bytes, payload: Data, png: Png) -> None:
    if kind == b"IDAT":
        png.pixels.append(payload)
    elif kind == b"PLTE":
        png.palette = bytes(payload)
    elif kind == b"eXIf":
        png.exif = bytes(payload)
    elif kind in (b"tEXt", b"zTXt", b"iTXt"):
        _take_text(kind, bytes(payload), png)


def _take_text(kind: bytes, payload: bytes, png: Png) -> None:
    key, _, text = payload.partition(b"\0")
    if key not in _TEXT_KEYS:
        return
    if kind == b"zTXt":
        text = _inflate(text[1:])
    elif kind == b"iTXt":
        compressed, text = text[:1] == b"\1", text[2:].split(b"\0", 2)[-1]
        text = _inflate(text) if compressed else text
    if key == b"exif":
        png.exif = text
    elif key == b"XML:com.adobe.xmp":
        png.xmp = text
    else:
        png.profile = text


def _inflate(text: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(text, _MAX_TEXT_BYTES)
    except zlib.error:
        return b""


def _profile_bytes(profile: bytes) -> bytes:
    """The EXIF block that ImageMagick writes as lines of hexadecimal text."""
    try:
        return bytes.fromhex(b"".join(profile.split(b"\n")[3:]).decode("ascii"))
    except ValueError:
        return b""


def damaged(what: str) -> InputError:
    """The error for a file that is not what its format demands."""
    return InputError(f"the PNG is damaged: {what}; replace the file or leave it out")

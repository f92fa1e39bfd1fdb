"""PNG: the chunk walk with every checksum, and pixels through Pillow's inflating decoder.

Only the chunks that carry pixels reach the decoder: text, profiles and animation cost nothing.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from fastdata.codecs.header import ImageHeader
from fastdata.codecs.limits import MAX_PARTS, Limits
from fastdata.codecs.orientation import (
    exif_orientation,
    swaps_sides,
    upright,
    xmp_orientation,
)
from fastdata.errors import InputError

__all__ = ["decode_png", "probe_png"]

Data = bytes | bytearray | memoryview

# (bit depth, colour type) -> Pillow's mode and raw mode for images.
_MODES: Final = {
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
# Gray of few bits read as if it were palette indices, which are not stretched to 0..255.
_UNSTRETCHED: Final = {1: ("P", "P;1"), 2: ("P", "P;2"), 4: ("P", "P;4")}
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_CHANNELS: Final = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
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
class _Png:
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


def probe_png(data: Data, limits: Limits) -> ImageHeader:
    """The header of a PNG; checksums of the pixels are left to decoding.

    Raises:
        InputError: A chunk is damaged or cut off, the combination of bits and colour does not
            exist, or a limit is passed.
    """
    png = _read(data, limits, verify=False)
    return _header(png, _MODES[png.bits, png.colour][0])


def decode_png(data: Data, limits: Limits, *, ids: bool = False) -> Image.Image:
    """The upright image in its stored mode.

    Args:
        data: The file's bytes.
        limits: What the header may ask for.
        ids: Gray of 1, 2 or 4 bits keeps its values, in mode "P", instead of being stretched.

    Raises:
        InputError: As `probe_png`; or a checksum is wrong, or the compressed data are damaged.
    """
    png = _read(data, limits, verify=True)
    mode, raw_mode = _MODES[png.bits, png.colour]
    if ids and png.colour == 0 and png.bits in _UNSTRETCHED:
        mode, raw_mode = _UNSTRETCHED[png.bits]
    try:
        image = _pixels(png, mode, raw_mode)
    except InputError:
        raise
    except Exception as error:
        raise _damaged(f"its pixels ({error})") from error
    return upright(image, png.orientation)


def _header(png: _Png, mode: str) -> ImageHeader:
    orientation = png.orientation
    height, width = png.height, png.width
    if swaps_sides(orientation):
        height, width = width, height
    return ImageHeader(
        format="png",
        height=height,
        width=width,
        channels=_CHANNELS[png.colour],
        bits=16 if png.bits == 16 else 8,
        orientation=orientation,
        mode=mode,
    )


def _pixels(png: _Png, mode: str, raw_mode: str) -> Image.Image:
    stream = png.pixels[0] if len(png.pixels) == 1 else b"".join(png.pixels)
    image = Image.frombytes(
        mode, (png.width, png.height), stream, "zip", raw_mode, int(png.interlaced)
    )
    if png.colour == 3:
        image.putpalette(png.palette, "RGB")
    if not _reached_end(image, png) and not _is_complete(stream, png.data_bytes):
        raise _damaged("its pixels end early")
    return image


def _reached_end(image: Image.Image, png: _Png) -> bool:
    """Whether the last row holds anything: rows that never arrived are zero.

    Pillow's decoder takes a stream that ends early for whole. Only where the last row is zero, or
    the order of rows is another, must the stream be inflated a second time to tell.
    """
    if png.interlaced:
        return False
    last = (0, png.height - 1, png.width, png.height)
    return any(image.crop(last).tobytes())


def _is_complete(stream: Data, expected: int) -> bool:
    inflater = zlib.decompressobj()
    found = 0
    block = inflater.decompress(stream, 1 << 20)
    while block:
        found += len(block)
        if found >= expected:
            return True
        block = inflater.decompress(inflater.unconsumed_tail, 1 << 20)
    return False


def _read(data: Data, limits: Limits, *, verify: bool) -> _Png:
    chunks = _chunks(data, verify)
    kind, payload = next(chunks)
    if kind != b"IHDR" or len(payload) != 13:
        raise _damaged(f"the first chunk is {kind!r} of {len(payload)} bytes, not a header of 13")
    png = _header_chunk(payload)
    limits.check_size(png.height, png.width)
    for kind, payload in chunks:
        _take(kind, payload, png)
    if not png.pixels:
        raise _damaged("it has no image data")
    if png.colour == 3 and (not png.palette or len(png.palette) % 3 or len(png.palette) > 768):
        raise _damaged(f"a palette of {len(png.palette)} bytes")
    return png


def _header_chunk(payload: Data) -> _Png:
    width, height, bits, colour, compression, filters, interlace = struct.unpack(
        ">LLBBBBB", payload
    )
    if (bits, colour) not in _MODES or compression or filters or interlace > 1:
        raise _damaged(
            f"{bits} bits of colour type {colour}, compression {compression}, filter {filters}, "
            f"interlace {interlace} do not exist"
        )
    return _Png(height, width, bits, colour, interlace == 1)


def _chunks(data: Data, verify: bool) -> Iterator[tuple[bytes, Data]]:
    """Kind and payload of every chunk up to the end chunk, which must be there."""
    view = memoryview(data)
    at = 8
    for _ in range(MAX_PARTS):
        if at + 12 > len(view):
            raise _damaged("it is cut off between chunks")
        length, kind = struct.unpack_from(">L4s", view, at)
        end = at + 12 + length
        if end > len(view):
            raise _damaged(f"it is cut off inside chunk {kind!r}")
        if (verify or kind != b"IDAT") and zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(
            view[end - 4 : end], "big"
        ):
            raise _damaged(f"the checksum of chunk {kind!r} is wrong")
        if kind == b"IEND":
            return
        yield kind, view[at + 8 : end - 4]
        at = end
    raise _damaged(f"more than {MAX_PARTS} chunks")


def _take(kind: bytes, payload: Data, png: _Png) -> None:
    if kind == b"IDAT":
        png.pixels.append(payload)
    elif kind == b"PLTE":
        png.palette = bytes(payload)
    elif kind == b"eXIf":
        png.exif = bytes(payload)
    elif kind in (b"tEXt", b"zTXt", b"iTXt"):
        _take_text(kind, bytes(payload), png)


def _take_text(kind: bytes, payload: bytes, png: _Png) -> None:
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


def _damaged(what: str) -> InputError:
    return InputError(f"the PNG is damaged: {what}; replace the file or leave it out")

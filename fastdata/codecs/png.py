"""PNG: header and pixels, through Pillow's inflating decoder.

Only the chunks that carry pixels reach the decoder: what else a file holds cannot matter.
"""

from __future__ import annotations

import zlib
from typing import Final

from PIL import Image

from fastdata.codecs.header import ImageHeader
from fastdata.codecs.limits import Limits
from fastdata.codecs.orientation import swaps_sides, upright
from fastdata.codecs.png_chunks import MODES, Data, Png, damaged, read_chunks
from fastdata.errors import InputError

__all__ = ["decode_png", "probe_png"]

# Gray of few bits read as if it were palette indices, which are not stretched to 0..255.
_UNSTRETCHED: Final = {1: ("P", "P;1"), 2: ("P", "P;2"), 4: ("P", "P;4")}
_CHANNELS: Final = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}


def probe_png(data: Data, limits: Limits) -> ImageHeader:
    """The header of a PNG; checksums of the pixels are left to decoding.

    Raises:
        InputError: A chunk is damaged or cut off, the combination of bits and colour does not
            exist, or a limit is passed.
    """
    png = read_chunks(data, limits, verify=False)
    return _header(png, MODES[png.bits, png.colour][0])


def decode_png(data: Data, limits: Limits, *, ids: bool = False) -> Image.Image:
    """The upright image in its stored mode.

    Args:
        data: The file's bytes.
        limits: What the header may ask for.
        ids: Gray of 1, 2 or 4 bits keeps its values, in mode "P", instead of being stretched.

    Raises:
        InputError: As `probe_png`; or a checksum is wrong, or the compressed data are damaged.
    """
    png = read_chunks(data, limits, verify=True)
    mode, raw_mode = MODES[png.bits, png.colour]
    if ids and png.colour == 0 and png.bits in _UNSTRETCHED:
        mode, raw_mode = _UNSTRETCHED[png.bits]
    try:
        image = _pixels(png, mode, raw_mode)
    except InputError:
        raise
    except Exception as error:
        raise damaged(f"its pixels ({error})") from error
    return upright(image, png.orientation)


def _header(png: Png, mode: str) -> ImageHeader:
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


def _pixels(png: Png, mode: str, raw_mode: str) -> Image.Image:
    stream = png.pixels[0] if len(png.pixels) == 1 else b"".join(png.pixels)
    image = Image.frombytes(
        mode, (png.width, png.height), stream, "zip", raw_mode, int(png.interlaced)
    )
    if png.colour == 3:
        image.putpalette(png.palette, "RGB")
    if not _reached_end(image, png) and not _is_complete(stream, png.data_bytes):
        raise damaged("its pixels end early")
    return image


def _reached_end(image: Image.Image, png: Png) -> bool:
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

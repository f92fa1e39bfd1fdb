"""Made pictures, and JPEG and PNG files taken apart and put together by hand."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, ImageOps


def picture(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Smooth colours with some noise, uint8 (height, width, channels)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (max(2, height // 8), max(2, width // 8), 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    noisy = smooth.astype(int) + rng.integers(-6, 7, smooth.shape)
    return noisy.clip(0, 255).astype(np.uint8)[:, :, :channels]


def saved(image: Image.Image | np.ndarray, kind: str, **options: Any) -> bytes:
    """The bytes of an image file as Pillow writes it."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image[:, :, 0] if image.shape[2:] == (1,) else image)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def as_pillow_sees(data: bytes, channels: int) -> np.ndarray:
    """The reference: upright and converted by Pillow alone, (height, width, channels)."""
    with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
        pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB" if channels == 3 else "L"))
    return pixels.reshape(*pixels.shape[:2], channels)


def segment(marker: int, payload: bytes) -> bytes:
    """A JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG with segments put right after its start."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def exif(value: int, *, order: str = ">", kind: int = 3, count: int = 1) -> bytes:
    """A TIFF block whose only entry is an orientation, in one of TIFF's number types."""
    codes = {1: "B", 3: "H", 4: "L", 5: "LL", 6: "b", 8: "h", 9: "l", 11: "f", 12: "d"}
    numbers = (value, 1) if kind == 5 else (value,)
    data = struct.pack(order + codes[kind], *numbers) * count
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "L", 8)
    entry = struct.pack(order + "HHL", 0x0112, kind, count)
    place = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(order + "L", 26)
    tail = b"" if len(data) <= 4 else data
    return head + struct.pack(order + "H", 1) + entry + place + b"\0\0\0\0" + tail


def chunk(kind: bytes, payload: bytes, checksum: int | None = None) -> bytes:
    """A PNG chunk, with its true checksum unless told otherwise."""
    checksum = zlib.crc32(kind + payload) if checksum is None else checksum
    return struct.pack(">L", len(payload)) + kind + payload + struct.pack(">L", checksum)


def png(*chunks: bytes) -> bytes:
    """A PNG of these chunks."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_header(
    height: int, width: int, bits: int = 8, colour: int = 0, interlace: int = 0
) -> bytes:
    """A PNG's first chunk."""
    return chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, bits, colour, 0, 0, interlace))


def rows_png(rows: np.ndarray, *more: bytes, bits: int = 8, colour: int = 0) -> bytes:
    """A PNG of packed rows (height, bytes a row), with other chunks before the pixels."""
    height, row_bytes = rows.shape
    width = row_bytes * 8 // (bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour])
    packed = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    header = png_header(height, width, bits, colour)
    return png(header, *more, chunk(b"IDAT", packed), chunk(b"IEND", b""))

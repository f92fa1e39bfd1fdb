"""What a file's first bytes say it is; names and extensions are never believed."""

from __future__ import annotations

from typing import Literal

from fastdata.errors import InputError

__all__ = ["image_format", "looks_like"]

Format = Literal["jpeg", "png"]

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"

_MAGIC = (
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"II+\0", "a BigTIFF image"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"DDS ", "a DDS image"),
    (b"BLP", "a BLP image"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"8BPS", "a Photoshop file"),
    (b"\x7fELF", "a program"),
)
_MARKUP = (
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<svg", "an SVG image"),
)


def image_format(data: bytes | bytearray | memoryview) -> Format:
    """The format that `data` starts with.

    Raises:
        InputError: It is neither JPEG nor PNG; the message says what it looks like.
    """
    head = bytes(data[:8])
    if head.startswith(_JPEG):
        return "jpeg"
    if head == _PNG:
        return "png"
    raise InputError(
        f"looks like {looks_like(data)}; expected a JPEG or PNG image; convert it or leave it out"
    )


def looks_like(data: bytes | bytearray | memoryview) -> str:
    """A few words for what `data` seems to be, for messages."""
    head = bytes(data[:512])
    if not head:
        return "an empty file"
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "a WebP image"
    if head[4:8] == b"ftyp":
        return "an AVIF, HEIF or MP4 file"
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3].isspace():
        return "a netpbm image"
    return _text_or_bytes(head)


def _text_or_bytes(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, name in _MARKUP:
        if start.startswith(magic):
            return name
    if head.startswith((_JPEG[:2], _PNG[:4])):
        return "a JPEG or PNG file that was cut off or damaged in its first bytes"
    if not head.strip(b"\0"):
        return "zero bytes"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return "text"
    return f"unknown data (first bytes {head[:8].hex(' ')})"

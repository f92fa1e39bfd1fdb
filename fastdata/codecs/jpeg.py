"""JPEG: the header walk, and pixels through Pillow's libjpeg decoder.

Pillow's own parsing of metadata is not used: it warns, it is slow, and nothing but the orientation
matters here. libjpeg gets the untouched bytes; this walk follows its rules for markers.
"""

from __future__ import annotations

import re
import struct
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

__all__ = ["JpegWalk", "decode_jpeg", "probe_jpeg", "walk_jpeg"]

_EOI, _SOS, _DRI, _APP1 = 0xD9, 0xDA, 0xDD, 0xE1
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODABLE: Final = frozenset({0xC0, 0xC1, 0xC2})
_PROGRESSIVE: Final = 0xC2
# Markers without a length: TEM and the restart markers.
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_KNOWN: Final = frozenset({0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)}) | _FRAMES
# Pixels depend on these: tables, the frame, and what tells the colours (JFIF, Adobe).
_NEEDED: Final = (_KNOWN - {_SOS, 0xFE, *range(0xE0, 0xF0)}) | {0xE0, 0xEE}
_MODES: Final = {1: "L", 3: "RGB", 4: "CMYK"}
_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
# In compressed data, everything but stuffed zeros and restart markers ends the scan.
_SCAN_END = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_UNSUPPORTED: Final = {
    0xC3: "lossless",
    0xC7: "lossless differential",
    0xCB: "lossless arithmetic-coded",
    0xCF: "lossless differential arithmetic-coded",
    0xC9: "arithmetic-coded",
    0xCA: "arithmetic-coded progressive",
}

Data = bytes | bytearray | memoryview


@dataclass
class JpegWalk:
    """What has been seen between the start of the file and its first scan.

    Attributes:
        scan_marker: Where the first scan's segment starts.
        scan_start: Where its compressed data start; beyond the data's end where it is cut off.
        restart_interval: In units of the scan, 0 for none.
        sampling: (horizontal, vertical) of each component.
        segments: Marker and place of those before the scan that decoding needs, in order, the
            restart interval's left out.
    """

    frame: int = 0
    height: int = 0
    width: int = 0
    components: int = 0
    scan_components: int = 0
    scan_marker: int = 0
    scan_start: int = 0
    restart_interval: int = 0
    sampling: list[tuple[int, int]] = field(default_factory=list)
    segments: list[tuple[int, slice]] = field(default_factory=list)
    exif: list[bytes] = field(default_factory=list)
    xmp: bytes = b""

    @property
    def has_many_scans(self) -> bool:
        """Whether the picture has to be put together from several scans."""
        return self.frame == _PROGRESSIVE or self.scan_components < self.components

    @property
    def orientation(self) -> int:
        """1..8, from EXIF, else XMP."""
        found = exif_orientation(b"".join(self.exif)) if self.exif else None
        if found is None and self.xmp:
            found = xmp_orientation(self.xmp)
        return found or 1


def probe_jpeg(data: Data, limits: Limits) -> ImageHeader:
    """The header of a JPEG, up to the first scan, and the scans' markers if there may be many.

    Raises:
        InputError: The header is damaged, the kind of JPEG is not supported, or a limit is passed.
    """
    walk = walk_jpeg(data)
    limits.check_size(walk.height, walk.width)
    if walk.has_many_scans:
        limits.check_scans(_count_scans(data, walk.scan_start), walk.height, walk.width)
    height, width = walk.height, walk.width
    orientation = walk.orientation
    if swaps_sides(orientation):
        height, width = width, height
    return ImageHeader(
        format="jpeg",
        height=height,
        width=width,
        channels=walk.components,
        bits=8,
        orientation=orientation,
        mode=_MODES[walk.components],
    )


def decode_jpeg(data: Data, limits: Limits) -> Image.Image:
    """The upright image in its stored mode: "L", "RGB" or "CMYK" (Adobe's inverted values undone).

    A file that lacks only its end marker is accepted where libjpeg has found all pixels before.

    Raises:
        InputError: As `probe_jpeg`; or the compressed data are damaged or cut off.
    """
    header = probe_jpeg(data, limits)
    height, width = header.height, header.width
    if swaps_sides(header.orientation):
        height, width = width, height
    raw_mode = "CMYK;I" if header.mode == "CMYK" else header.mode
    try:
        image = Image.frombytes(header.mode, (width, height), data, "jpeg", raw_mode, "")
    except Exception as error:
        what = "cut off" if "not enough" in str(error) else f"damaged ({error})"
        raise InputError(
            f"the JPEG's compressed data are {what}; expected {width} x {height} pixels; "
            "replace the file or leave it out"
        ) from error
    return upright(image, header.orientation)


def walk_jpeg(data: Data) -> JpegWalk:
    """Everything up to the first scan.

    Raises:
        InputError: The header is damaged, or the kind of JPEG is not supported.
    """
    walk = JpegWalk()
    at = 2
    try:
        for _ in range(MAX_PARTS):
            at = _segment(data, at, walk)
            if walk.scan_start:
                return walk
    except struct.error as error:
        raise _damaged("the header is cut off inside a segment") from error
    raise _damaged(f"more than {MAX_PARTS} segments before the first scan")


def _segment(data: Data, at: int, walk: JpegWalk) -> int:
    """Take in the next segment at or after byte `at`; returns where the one after it may start."""
    found = _MARKER.search(data, at)
    if found is None:
        raise _damaged("the header ends before any image data")
    marker, start = data[found.end() - 1], found.end()
    if marker in _BARE:
        return start
    if marker not in _KNOWN:
        raise _damaged(f"marker 0xFF{marker:02X} where the image should start")
    length: int = struct.unpack_from(">H", data, start)[0]
    if length < 2:
        raise _damaged(f"a segment (0xFF{marker:02X}) of length {length}")
    end = start + length
    if marker in _FRAMES:
        _frame(data[start + 2 : end], marker, walk)
    elif marker == _APP1:
        _metadata(bytes(data[start + 2 : end]), walk)
    elif marker == _DRI and length == 4 and end <= len(data):
        (walk.restart_interval,) = struct.unpack_from(">H", data, start + 2)
        return end
    elif marker == _SOS:
        if not walk.frame:
            raise _damaged("a scan before any frame header")
        (walk.scan_components,) = struct.unpack_from(">B", data, start + 2)
        walk.scan_marker, walk.scan_start = found.end() - 2, end
    if marker in _NEEDED:
        walk.segments.append((marker, slice(found.end() - 2, end)))
    return end


def _frame(payload: Data, marker: int, walk: JpegWalk) -> None:
    if walk.frame:
        raise _damaged("two frame headers")
    if marker not in _DECODABLE:
        kind = _UNSUPPORTED.get(marker, "hierarchical")
        raise InputError(f"unsupported: {kind} JPEG; expected baseline or progressive; convert it")
    precision, height, width, components = struct.unpack_from(">BHHB", payload)
    if precision != 8:
        raise InputError(f"unsupported: {precision}-bit JPEG; expected 8 bits; convert it")
    if components not in _MODES:
        raise InputError(
            f"unsupported: JPEG of {components} components; expected 1, 3 or 4; convert it"
        )
    if len(payload) != 6 + 3 * components:
        raise _damaged(f"a frame header of {len(payload)} bytes for {components} components")
    walk.frame, walk.components = marker, components
    walk.height, walk.width = height, width
    walk.sampling = [(pair >> 4, pair & 15) for pair in payload[7::3]]


def _metadata(payload: bytes, walk: JpegWalk) -> None:
    if payload.startswith(b"Exif\0\0"):
        walk.exif.append(payload[6:] if walk.exif else payload)
    elif payload.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
        walk.xmp = payload.split(b"\0", 1)[1]


def _count_scans(data: Data, at: int) -> int:
    """Scans in the file; segments between them are stepped over, so that none can hide."""
    scans = 1
    for _ in range(MAX_PARTS):
        found = _SCAN_END.search(data, at)
        if found is None or (marker := data[found.end() - 1]) == _EOI:
            return scans
        at = found.end()
        if marker not in _KNOWN or at + 2 > len(data):
            return scans
        scans += marker == _SOS
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
    return MAX_PARTS


def _damaged(what: str) -> InputError:
    return InputError(f"the JPEG is damaged: {what}; replace the file or leave it out")

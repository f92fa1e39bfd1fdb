"""A crop of a JPEG without decoding: the restart segments that cover it, behind a new header.

A restart marker ends a segment of compressed data that can be decoded without the others. Where the
interval between them divides the units of a row, segments form a grid that is cut in both
directions; else they are cut by rows.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, SupportsIndex

from fastdata.codecs.jpeg import JpegWalk, walk_jpeg
from fastdata.codecs.jpeg_reach import Reach, reach_of
from fastdata.codecs.limits import Limits
from fastdata.codecs.sniff import image_format
from fastdata.errors import InputError, UsageError
from fastdata.native.extension import compiled

__all__ = ["CroppedJpeg", "crop_jpeg"]

Data = bytes | bytearray | memoryview
# Top, left, height, width.
Box = tuple[int, int, int, int]

_BLOCK: Final = 8
# What a JPEG can say of its height and width.
_MAX_SIDE: Final = 0xFFFF
_LIMITS: Final = Limits()
_MARKER = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)


@dataclass(frozen=True)
class CroppedJpeg:
    """A JPEG that shows a part of another one.

    Pixel (y, x) of the whole picture, as stored, is pixel (y - top, x - left) here.

    Attributes:
        data: An ordinary JPEG file without metadata, so without an orientation.
        top: Stored row of the whole picture that is row 0 here.
        left: Stored column of the whole picture that is column 0 here.
        height: Rows of the part; at least those that were asked for.
        width: Columns of the part.
    """

    data: bytes
    top: int
    left: int
    height: int
    width: int


def crop_jpeg(data: Data, box: Sequence[SupportsIndex], *, denominator: int = 1) -> CroppedJpeg:
    """A small JPEG that holds `box` and little more, cut out without decoding.

    The box's pixels decode from the result as they decode from `data`, bit for bit (by libjpeg and
    libjpeg-turbo with their defaults); those around it may differ. A JPEG without restart markers
    that fit, or of several scans, comes back whole, and so does one whose segments all touch the
    box: a decoder that takes the box out of the result is right in every case, and
    `transcode_jpeg` makes any JPEG fit. Safe to call from many threads; the compiled core releases
    the GIL.

    Args:
        data: A JPEG file.
        box: Top, left, height and width in pixels as stored, before any EXIF orientation is
            applied; whole, not empty, inside the picture.
        denominator: 1, 2, 4 or 8. Cut for a decoder that makes the picture so much smaller
            (``Image.draft``, ``scale_denom``), whose upsampling has another reach.

    Raises:
        InputError: No JPEG, a damaged or unsupported one, or one over the default `Limits`. Damage
            of compressed data is not looked for.
        UsageError: The box or the denominator is none of these.
    """
    if denominator not in (1, 2, 4, 8):
        raise UsageError(f"denominator {denominator}; expected 1, 2, 4 or 8")
    if image_format(data) != "jpeg":
        raise InputError("the image is a PNG; expected a JPEG; decode it to crop it")
    box = _whole_numbers(box)
    core = compiled()
    cropped = core and max(map(abs, box)) <= _MAX_SIDE and core.crop_jpeg(data, box, denominator)
    # What the core does not do, a box outside the picture, the twin refuses in words.
    return CroppedJpeg(*cropped) if cropped else _crop(data, box, denominator)


def _whole_numbers(box: Sequence[SupportsIndex]) -> Box:
    try:
        top, left, height, width = map(operator.index, box)
    except (TypeError, ValueError):
        raise UsageError(
            f"box {box!r}; expected four whole numbers: top, left, height and width"
        ) from None
    return top, left, height, width


def _crop(data: Data, box: Box, denominator: int) -> CroppedJpeg:
    walk = walk_jpeg(data)
    _LIMITS.check_size(walk.height, walk.width)
    top, left, height, width = box
    if (
        min(top, left) < 0
        or min(height, width) < 1
        or top + height > walk.height
        or (left + width > walk.width)
    ):
        raise UsageError(
            f"a box at ({top}, {left}) of {height} x {width} pixels; expected one inside the "
            f"stored picture of {walk.height} x {walk.width} (height x width)"
        )
    if _is_croppable(data, walk):
        tiles = _Tiles.of(walk, box, reach_of(walk, denominator))
        part = (
            tiles.cut(data, walk)
            if (tiles.height, tiles.width) != (walk.height, walk.width)
            else None
        )
        if part is not None:
            return CroppedJpeg(part, tiles.top, tiles.left, tiles.height, tiles.width)
    whole = _header(data, walk, walk.height, walk.width, walk.restart_interval)
    return CroppedJpeg(whole + data[walk.scan_start :], 0, 0, walk.height, walk.width)


def _is_croppable(data: Data, walk: JpegWalk) -> bool:
    return (
        not walk.has_many_scans
        and walk.scan_components == walk.components
        and walk.restart_interval > 0
        and walk.scan_start < len(data)
        and walk.scan_start - walk.scan_marker == 8 + 2 * walk.components
        and all(1 <= factor <= 4 for pair in walk.sampling for factor in pair)
    )


@dataclass
class _Tiles:
    """Equal tiles of whole segments; the rows and columns of them that a box needs.

    Attributes:
        row_segments: Segments in a row of tiles.
        segments: Segments in the whole picture.
        has_columns: Whether a tile is one segment, of which a row has several.
        rows: Of tiles.
        columns: Of tiles.
        top: First stored row of pixels; `left`, `height` and `width` likewise.
    """

    row_segments: int
    segments: int
    has_columns: bool
    rows: range
    columns: range
    top: int
    left: int
    height: int
    width: int

    @staticmethod
    def of(walk: JpegWalk, box: Box, reach: Reach) -> _Tiles:
        unit_h, unit_w = _unit_size(walk)
        across, down = -(-walk.width // unit_w), -(-walk.height // unit_h)
        interval = walk.restart_interval
        divides = across % interval == 0
        shared = interval if divides else math.gcd(interval, across)
        tile_h = unit_h * (interval // shared)
        tile_w = unit_w * interval if divides else walk.width
        top, left, height, width = box
        rows = _tiles(*reach.widened(top, top + height, walk.height, along=reach.rows), tile_h)
        columns = _tiles(
            *reach.widened(left, left + width, walk.width, along=reach.columns), tile_w
        )
        while not reach.same_rule(_extent(columns, tile_w, walk.width), walk.width):
            start = max(0, columns.start - 1)
            columns = range(start, columns.stop + (columns.start == 0))
        return _Tiles(
            row_segments=across // shared,
            segments=-(-across * down // interval),
            has_columns=divides and across > interval,
            rows=rows,
            columns=columns,
            top=rows.start * tile_h,
            left=columns.start * tile_w,
            height=_extent(rows, tile_h, walk.height),
            width=_extent(columns, tile_w, walk.width),
        )

    def cut(self, data: Data, walk: JpegWalk) -> bytes | None:
        """The small JPEG; None where the markers are not those that the header calls for."""
        parts = []
        at = walk.scan_start
        for number in range(min(self.rows.stop * self.row_segments, self.segments)):
            found = _MARKER.search(data, at)
            expected = 0xD9 if number == self.segments - 1 else 0xD0 + number % 8
            if found is None or data[found.end() - 1] != expected:
                return None
            row, column = divmod(number, self.row_segments)
            if row in self.rows and (column in self.columns or not self.has_columns):
                parts.append(bytes(data[at : found.start()]))
            at = found.end()
        interval = walk.restart_interval if len(parts) > 1 else 0
        header = _header(data, walk, self.height, self.width, interval)
        marked = (part + bytes((0xFF, 0xD0 + n % 8)) for n, part in enumerate(parts))
        return header + b"".join(marked)[:-1] + b"\xd9"


def _unit_size(walk: JpegWalk) -> tuple[int, int]:
    """Height and width in pixels of what the scan repeats; one block if it has one component."""
    if walk.components == 1:
        return _BLOCK, _BLOCK
    horizontal, vertical = zip(*walk.sampling, strict=True)
    return _BLOCK * max(vertical), _BLOCK * max(horizontal)


def _tiles(begin: int, end: int, side: int) -> range:
    return range(begin // side, -(-end // side))


def _extent(tiles: range, side: int, size: int) -> int:
    """Pixels that tiles cover; the last of a picture may be cut off."""
    return min(tiles.stop * side, size) - tiles.start * side


def _header(data: Data, walk: JpegWalk, height: int, width: int, interval: int) -> bytes:
    parts = [b"\xff\xd8"]
    for marker, place in walk.segments:
        part = bytes(data[place])
        if marker == walk.frame:
            part = part[:5] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + part[9:]
        parts.append(part)
    if interval:
        parts.append(b"\xff\xdd\0\4" + interval.to_bytes(2, "big"))
    return b"".join([*parts, bytes(data[walk.scan_marker : walk.scan_start])])

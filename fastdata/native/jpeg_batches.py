"""Batches of JPEG files that another decoder decodes: which of them it may, and cut small for it.

The functions are the reference for the compiled core's, one file after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import fastdata.codecs as codecs
from fastdata.codecs.jpeg import walk_jpeg
from fastdata.errors import FastDataError, InputError, PackCorrupt

__all__ = ["CroppedJpegs", "crop_jpegs", "jpeg_kinds"]

Failures = list[tuple[int, FastDataError]]

# Every file in the memory of crops starts at a multiple of so many bytes.
_ALIGNMENT: Final = 16
# Some files go on behind their end; compressed data never hold its marker.
_TAIL_BYTES: Final = 1024
_APP14: Final = 0xEE
# In an Adobe segment: marker and length, "Adobe", version and two times flags, then the colours.
_ADOBE_COLOURS: Final = 4 + 5 + 2 + 2 + 2


@dataclass(frozen=True)
class CroppedJpegs:
    """Small JPEGs that show a part of B others.

    File i is ``data[offsets[i] : offsets[i] + lengths[i]]``. Pixel (y, x) of the whole picture is
    pixel (y - top, x - left) of it.

    Attributes:
        data: uint8 (bytes,), memory that holds the files; what lies between them is undefined.
        offsets: int64 (B,), multiples of 16. Files may stand in any order.
        lengths: int64 (B,), bytes; -1 where the record itself is to be decoded and nothing was
            copied, 0 for those that failed.
        origins: int32 (B, 2), top and left, in the whole picture, of what the file shows.
        sizes: int32 (B, 2), height and width of it.
        failed: (position, error naming the sample), in order.
    """

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    origins: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int32]
    failed: Failures = field(default_factory=list)

    @staticmethod
    def room_for(records: Sequence[Any], out: npt.NDArray[np.uint8] | None) -> CroppedJpegs:
        """Room for crops of these files, in `out` where that is large enough, all as failed."""
        count = len(records)
        # A crop is never larger than its source. Untouched memory costs nothing.
        room = sum(-(-memoryview(record).nbytes // _ALIGNMENT) for record in records) * _ALIGNMENT
        return CroppedJpegs(
            np.empty(room, np.uint8) if out is None or out.size < room else out,
            np.zeros(count, np.int64),
            np.zeros(count, np.int64),
            np.zeros((count, 2), np.int32),
            np.zeros((count, 2), np.int32),
        )


def crop_jpegs(
    records: Sequence[Any],
    boxes: npt.NDArray[np.integer],
    *,
    threads: int,
    names: Callable[[int], str],
    out: npt.NDArray[np.uint8] | None = None,
) -> CroppedJpegs:
    """`fastdata.codecs.crop_jpeg` for a batch.

    Files that cannot be cut, or whose segments all touch the box, are not copied.

    Args:
        records: B bytes-like objects, JPEG files.
        boxes: (B, 4) top, left, height and width in whole pixels as stored, before any EXIF
            orientation is applied; not empty, inside the picture.
        threads: Threads that share the batch, the caller among them where that is the cheaper way.
        names: Name of the sample at a position, for messages; called for failures only.
        out: uint8 (bytes,), C order: memory to put the files in, such as the `data` of an earlier
            result that is no longer used. None, or memory that may be too small: new memory.

    Returns:
        The files. A sample fails with an InputError where its header is damaged or it is no JPEG,
        and with a UsageError where its box lies outside the picture.
    """
    crops = CroppedJpegs.room_for(records, out)
    made = _each(
        lambda at: _cut(records[at], boxes[at]), len(records), threads, names, crops.failed
    )
    end = 0
    for at, (data, shown) in made.items():
        crops.origins[at], crops.sizes[at] = shown[:2], shown[2:]
        crops.lengths[at] = -1 if data is None else len(data)
        if data is not None:
            crops.offsets[at] = end
            crops.data[end : end + len(data)] = np.frombuffer(data, np.uint8)
            end += -(-len(data) // _ALIGNMENT) * _ALIGNMENT
    return crops


def jpeg_kinds(
    records: Sequence[Any],
    sizes: npt.NDArray[np.integer],
    *,
    threads: int,
    names: Callable[[int], str],
    checks: bool = False,
) -> tuple[npt.NDArray[np.bool_], Failures]:
    """Finds the plain JPEGs, of which every decoder makes the same pixels.

    Those have 8 bits of gray or YCbCr (no RGB, no CMYK), are shown as they are stored, and have an
    end marker.

    Args:
        records: B bytes-like objects, JPEG or PNG files.
        sizes: (B, 2) height and width of the upright pictures that the pack says.
        threads: As for `crop_jpegs`.
        names: As for `crop_jpegs`.
        checks: Whether to read all coefficients too, so that a damaged file is not plain; takes a
            third of the time that decoding takes.

    Returns:
        bool (B,), false for those that failed; and (position, error naming the sample) of these:
        an InputError where the header is damaged or the file is neither JPEG nor PNG, PackCorrupt
        where a JPEG has another size.
    """
    plain = np.zeros(len(records), np.bool_)
    failed: Failures = []

    def look(at: int) -> bool:
        height, width = map(int, sizes[at])
        return _is_plain(records[at], (height, width), checks)

    for at, found in _each(look, len(records), threads, names, failed).items():
        plain[at] = found
    return plain, failed


def _each(
    make: Callable[[int], Any],
    count: int,
    threads: int,
    names: Callable[[int], str],
    failed: Failures,
) -> dict[int, Any]:
    """What `make` gives for 0..count-1, without those for which it raises, which are named."""

    def attempt(at: int) -> Any:
        try:
            return make(at)
        except FastDataError as error:
            return error

    if threads <= 1 or count <= 1:
        found = list(map(attempt, range(count)))
    else:
        with ThreadPoolExecutor(threads, "fastdata-files") as executor:
            found = list(executor.map(attempt, range(count)))
    made = {}
    for at, result in enumerate(found):
        if isinstance(result, FastDataError):
            failed.append((at, type(result)(f"{names(at)}: {result}")))
        else:
            made[at] = result
    return made


def _cut(record: Any, box: Any) -> tuple[bytes | None, tuple[int, int, int, int]]:
    """The small file, None where it would be whole; and what it shows of the stored picture."""
    part = codecs.crop_jpeg(record, box)
    walk = walk_jpeg(record)
    is_whole = (part.height, part.width) == (walk.height, walk.width)
    shown = (part.top, part.left, part.height, part.width)
    return None if is_whole else part.data, shown


def _is_plain(record: Any, size: tuple[int, int], checks: bool) -> bool:
    if codecs.image_format(record) != "jpeg":
        return False
    header = codecs.probe(record)
    if (header.height, header.width) != size:
        found = (header.height, header.width)
        raise PackCorrupt(f"decodes to {found}; the pack says {size} (height, width)")
    # One that is cut off is left to our own decoder, which refuses it in words.
    has_end = b"\xff\xd9" in bytes(record[-_TAIL_BYTES:])
    is_usual = header.orientation == 1 and header.mode in ("RGB", "L") and not _stores_rgb(record)
    return has_end and is_usual and not (checks and _is_damaged(record))


def _stores_rgb(record: Any) -> bool:
    """Whether an Adobe segment says that the components are no YCbCr."""
    return any(
        bytes(record[place][4:9]) == b"Adobe" and bytes(record[place][_ADOBE_COLOURS:][:1]) == b"\0"
        for marker, place in walk_jpeg(record).segments
        if marker == _APP14
    )


def _is_damaged(record: Any) -> bool:
    try:
        codecs.decode_strictly(record, 3)
    except InputError:
        return True
    return False

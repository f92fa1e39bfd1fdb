"""Batches of JPEG files that another decoder decodes: which of them it may, and cut small for it.

The functions are the reference for the compiled core's, one file after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import fastdata.codecs as codecs
from fastdata.codecs.jpeg import walk_jpeg
from fastdata.cores.contract import ALIGNMENT, CroppedJpegs, Failures
from fastdata.errors import FastDataError, InputError, PackCorrupt

__all__ = ["crop_jpegs", "jpeg_kinds"]

# Some files go on behind their end; compressed data never hold its marker.
_TAIL_BYTES: Final = 1024
_APP14: Final = 0xEE
# In an Adobe segment: marker and length, "Adobe", version and two times flags, then the colours.
_ADOBE_COLOURS: Final = 4 + 5 + 2 + 2 + 2


def crop_jpegs(
    records: Sequence[Any],
    boxes: npt.NDArray[np.integer],
    *,
    threads: int,
    names: Callable[[int], str],
    out: npt.NDArray[np.uint8] | None = None,
) -> CroppedJpegs:
    """The reference for `Core.crop_jpegs`."""
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
            end += -(-len(data) // ALIGNMENT) * ALIGNMENT
    return crops


def jpeg_kinds(
    records: Sequence[Any],
    sizes: npt.NDArray[np.integer],
    *,
    threads: int,
    names: Callable[[int], str],
    checks: bool = False,
) -> tuple[npt.NDArray[np.bool_], Failures]:
    """The reference for `Core.jpeg_kinds`."""
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

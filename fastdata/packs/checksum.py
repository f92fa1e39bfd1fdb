"""CRC32C of anything that lies in memory, and of files in slices, without copying.

google-crc32c serves single pieces; the compiled core, where there is one, many pieces in one call.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from fastdata.native.extension import compiled
from fastdata.packs.base import Bytes, Indices

__all__ = [
    "as_bytes",
    "crc_of_array",
    "crc_of_bytes",
    "crc_of_file",
    "extend_crc",
    "find_wrong_crcs",
    "read_slices",
]

# One slice of a file in memory at a time; larger slices were no faster here.
SLICE_BYTES = 1 << 20


def crc_of_bytes(data: Bytes | bytes) -> int:
    """CRC32C of a contiguous uint8 array (taken as it lies) or a bytes object."""
    return int(google_crc32c.value(data))


def extend_crc(crc: int, data: Bytes | bytes) -> int:
    """CRC32C of what `crc` was computed from, followed by `data`; begin with 0."""
    return int(google_crc32c.extend(crc, data))


def as_bytes(array: NDArray[Any]) -> Bytes:
    """An array's bytes in C order, flat; contiguous arrays are not copied."""
    flat: Bytes = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return flat


def crc_of_array(array: NDArray[Any]) -> int:
    """CRC32C of an array's elements in C order; contiguous arrays are not copied."""
    return crc_of_bytes(as_bytes(array))


def find_wrong_crcs(
    data: Bytes, offsets: NDArray[Any], lengths: NDArray[Any], expected: NDArray[Any]
) -> Indices:
    """Which stretches of `data` have another CRC32C than expected.

    In the compiled core this runs on one thread, without the GIL: a second one gained nothing where
    the first waits for memory.

    Args:
        data: All bytes, uint8.
        offsets: Start of each stretch, whole numbers (n,).
        lengths: Bytes of each stretch.
        expected: CRC32C of each stretch, uint32.

    Returns:
        Positions in `offsets`, ascending.
    """
    core = compiled()
    if core is not None:
        wrong = core.wrong_crcs(
            data,
            np.ascontiguousarray(offsets, np.int64),
            np.ascontiguousarray(lengths, np.int64),
            np.ascontiguousarray(expected, np.uint32),
        )
    else:
        stretches = zip(offsets.tolist(), lengths.tolist(), expected.tolist(), strict=True)
        wrong = [
            at
            for at, (start, length, crc) in enumerate(stretches)
            if crc_of_bytes(data[start : start + length]) != crc
        ]
    return np.array(wrong, np.int64)


def crc_of_file(
    descriptor: int, start: int, stop: int, read: Callable[[int], None] | None = None
) -> int:
    """CRC32C of bytes start..stop of an open file, read with pread.

    Args:
        descriptor: The open file.
        start: First byte.
        stop: Byte behind the last one.
        read: Called with the number of bytes of each slice that was read.

    Raises:
        EOFError: The file ends before `stop`.
    """
    value = 0
    for piece in read_slices(descriptor, start, stop):
        value = extend_crc(value, piece)
        if read is not None:
            read(len(piece))
    return value


def read_slices(descriptor: int, start: int, stop: int) -> Iterator[bytes]:
    """Bytes start..stop of an open file in slices, read with pread.

    Reading through the map instead would count every page as this process's memory.

    Raises:
        EOFError: The file ends before `stop`.
    """
    while start < stop:
        piece = os.pread(descriptor, min(SLICE_BYTES, stop - start), start)
        if not piece:
            raise EOFError(f"the file ends at byte {start}; expected {stop - start} bytes more")
        start += len(piece)
        yield piece

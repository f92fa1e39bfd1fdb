"""Which files DALI decodes as the other engines do, and a form that it takes the others in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fastdata.codecs import image_format, probe
from fastdata.codecs.jpeg import walk_jpeg
from fastdata.engines.dali.sharing import each
from fastdata.engines.work import Indices
from fastdata.errors import FastDataError, InputError, PackCorrupt
from fastdata.native.extension import compiled

__all__ = ["FileKinds", "as_pnm"]

_UNKNOWN, _PLAIN, _OTHER = range(3)
# Some files go on behind their end; compressed data never hold its marker.
_TAIL_BYTES: Final = 1024
_APP14: Final = 0xEE
# In an Adobe segment: marker and length, "Adobe", version and two times flags, then the colours.
_ADOBE_COLOURS: Final = 4 + 5 + 2 + 2 + 2


class FileKinds:
    """Remembers which files are sound and plain JPEGs, since to find out takes a while.

    Walking a header takes 30 us, and reading all coefficients about a third of decoding the file.

    Args:
        count: Samples.
        checks: Whether to look for damage of compressed data, which needs the compiled core. DALI
            makes up pixels where the other engines refuse the sample.
    """

    def __init__(self, count: int, *, checks: bool) -> None:
        self._kinds = np.zeros(count, np.uint8)
        self._checks = checks

    def plain(
        self,
        indices: Indices,
        records: Sequence[memoryview],
        sizes: NDArray[np.int32],
        threads: int,
    ) -> tuple[NDArray[np.bool_], list[tuple[int, FastDataError]]]:
        """Which files DALI decodes to the pixels of the other engines, and which nobody can.

        Args:
            indices: Of the samples, (B,).
            records: Their files; each is looked at the first time only.
            sizes: Height and width that the pack says they have, (B, 2).
            threads: Threads that share the first look.

        Returns:
            bool (B,); and positions with an InputError (the header is damaged or of an unsupported
            kind) or PackCorrupt (the file has another size).
        """
        new = np.flatnonzero(self._kinds[indices] == _UNKNOWN).tolist()
        failed: list[tuple[int, FastDataError]] = []
        if new:
            looked = each(new, lambda at: self._look(records[at], sizes[at]), threads)
            for at, kind in zip(new, looked, strict=True):
                if isinstance(kind, FastDataError):
                    failed.append((at, kind))
                else:
                    self._kinds[indices[at]] = kind
        return self._kinds[indices] == _PLAIN, failed

    def _look(self, record: memoryview, size: NDArray[np.int32]) -> int | FastDataError:
        try:
            is_plain = _is_plain(record, (int(size[0]), int(size[1])))
        except FastDataError as error:
            return error
        return _PLAIN if is_plain and not (self._checks and _is_damaged(record)) else _OTHER


def as_pnm(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels (H, W, 3 or 1) as the file of a kind that has next to no header; uint8 (bytes,).

    Source: Netpbm's ppm(5) and pgm(5).
    """
    height, width, channels = pixels.shape
    header = b"P%d\n%d %d\n255\n" % (6 if channels == 3 else 5, width, height)
    return np.concatenate([np.frombuffer(header, np.uint8), pixels.reshape(-1)])


def _is_plain(record: memoryview, size: tuple[int, int]) -> bool:
    if image_format(record) != "jpeg":
        return False
    header = probe(record)
    if (header.height, header.width) != size:
        raise PackCorrupt(f"decodes to {(header.height, header.width)}; the pack says {size}")
    # One that is cut off is left to our own decoder, which refuses it in words.
    is_whole = b"\xff\xd9" in bytes(record[-_TAIL_BYTES:])
    is_usual = header.orientation == 1 and header.mode in ("RGB", "L")
    return is_whole and is_usual and not _stores_rgb(record)


def _stores_rgb(record: memoryview) -> bool:
    """Whether an Adobe segment says that the components are no YCbCr."""
    return any(
        bytes(record[place][4:9]) == b"Adobe" and bytes(record[place][_ADOBE_COLOURS:][:1]) == b"\0"
        for marker, place in walk_jpeg(record).segments
        if marker == _APP14
    )


def _is_damaged(record: memoryview) -> bool:
    core = compiled()
    if core is None:
        return False
    try:
        core.check_jpeg(record)
    except InputError:
        return True
    return False

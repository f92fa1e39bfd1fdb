"""Crops of many JPEGs without decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastdata.codecs import crop_jpeg
from fastdata.codecs.jpeg_crop import CroppedJpeg
from fastdata.engines.dali.sharing import each
from fastdata.errors import FastDataError

__all__ = ["Cuts", "cut"]


class Cuts(NamedTuple):
    """JPEGs that show parts of others.

    Attributes:
        data: The files, uint8 (bytes,) each.
        places: Where they lie in the whole pictures: top, left, height and width, int32 (B, 4).
        failed: Positions of files that could not be cut, and why.
    """

    data: list[NDArray[np.uint8]]
    places: NDArray[np.int32]
    failed: list[tuple[int, FastDataError]]


def cut(records: Sequence[memoryview], boxes: NDArray[np.int32], threads: int) -> Cuts:
    """Small JPEGs that hold these boxes and little more; see `fastdata.codecs.crop_jpeg`.

    Args:
        records: The files.
        boxes: Top, left, height and width in whole pixels, int32 (B, 4).
        threads: Threads that share the work.
    """
    wanted = boxes.tolist()

    def one(at: int) -> CroppedJpeg | FastDataError:
        try:
            return crop_jpeg(records[at], wanted[at])
        except FastDataError as error:
            return error

    found = each(range(len(records)), one, threads)
    failed = [(at, entry) for at, entry in enumerate(found) if isinstance(entry, FastDataError)]
    for at, _ in failed:
        found[at] = CroppedJpeg(b"", 0, 0, 0, 0)
    return Cuts(
        [np.frombuffer(entry.data, np.uint8) for entry in found],
        np.array([(e.top, e.left, e.height, e.width) for e in found], np.int32).reshape(-1, 4),
        failed,
    )

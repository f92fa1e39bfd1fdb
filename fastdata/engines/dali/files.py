"""Which files DALI decodes as the other engines do, and a form that it takes the others in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fastdata.cores import core
from fastdata.engines.work import Indices
from fastdata.errors import FastDataError

__all__ = ["FileKinds", "as_pnm"]

_UNKNOWN, _PLAIN, _OTHER = range(3)


class FileKinds:
    """Remembers which files are sound and plain JPEGs, since to find out takes a while.

    Args:
        count: Samples.
        checks: Whether to look for damage of compressed data, which takes a third of decoding. DALI
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
        *,
        threads: int,
        names: Callable[[int], str],
    ) -> tuple[NDArray[np.bool_], list[tuple[int, FastDataError]]]:
        """Which files DALI decodes to the pixels of the other engines, and which nobody can.

        Args:
            indices: Of the samples, (B,).
            records: Their files; each is looked at the first time only.
            sizes: Height and width that the pack says they have, (B, 2).
            threads: Threads that share the first look.
            names: Name of the sample at a position.

        Returns:
            bool (B,); and positions with an InputError (the header is damaged or of an unsupported
            kind) or PackCorrupt (the file has another size).
        """
        new = np.flatnonzero(self._kinds[indices] == _UNKNOWN)
        if not len(new):
            return self._kinds[indices] == _PLAIN, []
        at = new.tolist()
        plain, failed = core().jpeg_kinds(
            [records[position] for position in at],
            sizes[new],
            threads=threads,
            names=lambda position: names(at[position]),
            checks=self._checks,
        )
        self._kinds[indices[new]] = np.where(plain, _PLAIN, _OTHER)
        # Looked at again when they come again, to fail again.
        self._kinds[indices[new[[position for position, _ in failed]]]] = _UNKNOWN
        return self._kinds[indices] == _PLAIN, [(at[where], error) for where, error in failed]


def as_pnm(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels (H, W, 3 or 1) as the file of a kind that has next to no header; uint8 (bytes,).

    Source: Netpbm's ppm(5) and pgm(5).
    """
    height, width, channels = pixels.shape
    header = b"P%d\n%d %d\n255\n" % (6 if channels == 3 else 5, width, height)
    return np.concatenate([np.frombuffer(header, np.uint8), pixels.reshape(-1)])

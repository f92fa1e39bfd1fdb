"""What every core of this room does, be it compiled or the Pillow twin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from fastdata.cores.fieldbatch import FieldBatch
from fastdata.errors import FastDataError

__all__ = ["ALIGNMENT", "Core", "CroppedJpegs", "Failures"]

Failures = list[tuple[int, FastDataError]]
"""(position, error naming the sample) of samples that failed, in order."""

ALIGNMENT: Final = 16
"""Every file in the memory of crops starts at a multiple of so many bytes."""


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
    def room_bytes(records: Sequence[Any]) -> int:
        """What crops of these files may need: one is never larger than its source."""
        return sum(-(-memoryview(record).nbytes // ALIGNMENT) for record in records) * ALIGNMENT

    @staticmethod
    def room_for(records: Sequence[Any], out: npt.NDArray[np.uint8] | None) -> CroppedJpegs:
        """Room for crops of these files, in `out` where that is large enough, all as failed."""
        count, room = len(records), CroppedJpegs.room_bytes(records)
        return CroppedJpegs(
            np.empty(room, np.uint8) if out is None or out.size < room else out,
            np.zeros(count, np.int64),
            np.zeros(count, np.int64),
            np.zeros((count, 2), np.int32),
            np.zeros((count, 2), np.int32),
        )


class Core(Protocol):
    """Whole batches of records into whole batches of pixels."""

    @property
    def NAME(self) -> str:  # noqa: N802
        """The core's name, for `explain`."""

    def decode_batch(
        self,
        batch: FieldBatch,
        *,
        threads: int,
        stage_seconds: npt.NDArray[np.float64] | None = None,
    ) -> Failures:
        """Decode the B samples of a batch, apply their geometry, and write them into its `out`.

        The result does not depend on the number of threads.

        Args:
            batch: What is decoded, and where it goes.
            threads: Threads that share the batch, the caller among them where that is the cheaper
                way.
            stage_seconds: float64 (B, 2), C order, or None: takes the seconds that the thread which
                made a sample spent, on the wall clock, failed samples until they failed. Column 0,
                decode: header, finding the part that is wanted, entropy decoding, inverse DCT and
                colours, or inflating; about 0 for raw records and distance maps. Column 1, resize:
                what follows, crop, resize, turns and flips, normalisation and writing into `out`.
                Their sum over a batch is up to `threads` times what the batch took.

        Returns:
            The failures; the part of `out` of a sample that failed is 0.
        """

    def crop_jpegs(
        self,
        records: Sequence[Any],
        boxes: npt.NDArray[np.integer],
        *,
        threads: int,
        names: Callable[[int], str],
        out: npt.NDArray[np.uint8] | None = None,
    ) -> CroppedJpegs:
        """Cuts small JPEGs out of others: `fastdata.codecs.crop_jpeg` for a batch.

        Files that cannot be cut, or whose segments all touch the box, are not copied.

        Args:
            records: B bytes-like objects, JPEG files.
            boxes: (B, 4) top, left, height and width in whole pixels as stored, before any EXIF
                orientation is applied; not empty, inside the picture.
            threads: Threads that share the batch, the caller among them where that is the cheaper
                way.
            names: Name of the sample at a position, for messages; called for failures only.
            out: uint8 (bytes,), C order: memory to put the files in, such as the `data` of an
                earlier result that is no longer used. None, or memory that may be too small: new
                memory.

        Returns:
            The files. A sample fails with an InputError where its header is damaged or it is no
            JPEG, and with a UsageError where its box lies outside the picture.
        """

    def jpeg_kinds(
        self,
        records: Sequence[Any],
        sizes: npt.NDArray[np.integer],
        *,
        threads: int,
        names: Callable[[int], str],
        checks: bool = False,
    ) -> tuple[npt.NDArray[np.bool_], Failures]:
        """Finds the plain JPEGs, of which every decoder makes the same pixels.

        Those have 8 bits of gray or YCbCr (no RGB, no CMYK), are shown as they are stored, and have
        an end marker.

        Args:
            records: B bytes-like objects, JPEG or PNG files.
            sizes: (B, 2) height and width of the upright pictures that the pack says.
            threads: As for `crop_jpegs`.
            names: As for `crop_jpegs`.
            checks: Whether to read all coefficients too, so that a damaged file is not plain; takes
                a third of the time that decoding takes.

        Returns:
            bool (B,), false for those that failed; and these: an InputError where the header is
            damaged or the file is neither JPEG nor PNG, PackCorrupt where a JPEG has another size.
        """

    def uniform(
        self,
        seed: int,
        epoch: int,
        indices: npt.NDArray[np.integer],
        operation: int,
        count: int,
    ) -> npt.NDArray[np.float64]:
        """Random numbers of samples, float64 (B, count); see `fastdata.philox.uniform`."""

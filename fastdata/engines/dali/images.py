"""From records to what is fed into the pipeline, cut to what each crop needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.cores import FieldBatch, core
from fastdata.cores.contract import CroppedJpegs
from fastdata.engines.buffers import BatchBuffers
from fastdata.engines.dali.files import FileKinds, as_pnm
from fastdata.engines.dali.inputs import ImageBatch
from fastdata.engines.dali.sharing import each
from fastdata.engines.dali.windows import Windows, windows
from fastdata.engines.packed import PackFields
from fastdata.engines.work import Indices
from fastdata.errors import FastDataError, PackCorrupt
from fastdata.geometry import Geometry
from fastdata.schema import Image

__all__ = ["ImageInputs"]

Failures = list[tuple[int, FastDataError]]
# For the samples that failed, which are taken out of the batch before it is fed.
_NOTHING = np.empty(0, np.uint8)


class ImageInputs:
    """Makes an `ImageBatch` of samples of an image field; an `ImageRenderer`.

    JPEGs are cut without decoding, to the box and what the resize's filter reaches around it; with
    `takes_parts` the decoder is told that part instead. What DALI would decode otherwise than the
    other engines (PNG, CMYK, an orientation, damage) is decoded here by the core, as they do, and
    goes on as the pixels of a PNM file; what cannot be decoded ends here.

    Args:
        fields: Where the records come from.
        takes_parts: Leaves files whole.
        threads: Threads that share a batch.
        ahead: Batches that may be in use at once.
    """

    def __init__(self, fields: PackFields, *, takes_parts: bool, threads: int, ahead: int) -> None:
        self._fields = fields
        self._takes_parts = takes_parts
        self._threads = threads
        self._memory = BatchBuffers(ahead * len(fields.fields))
        self._kinds = {
            name: FileKinds(len(fields), checks=not _is_checked(fields, name))
            for name, field in fields.fields.items()
            if isinstance(field, Image) and field.codec != "raw"
        }

    def __call__(
        self,
        name: str,
        indices: Indices,
        sizes: NDArray[np.int32],
        geometry: Geometry | None,
    ) -> tuple[ImageBatch, Failures]:
        """The inputs of these samples, and why some failed, whose inputs mean nothing."""
        job = _Job(self._fields, name, indices, sizes, windows(sizes, geometry))
        if name in self._kinds:
            self._files(job, self._kinds[name])
        else:
            each(range(len(indices)), job.take_raw, self._threads)
        return job.windows.batch(job.data, job.origins, job.parts), sorted(job.failed.items())

    def _files(self, job: _Job, kinds: FileKinds) -> None:
        plain, failed = kinds.plain(
            job.indices, job.records, job.sizes, threads=self._threads, names=job.key
        )
        job.failed.update(failed)
        others = ~plain
        others[list(job.failed)] = False
        whole = plain if self._takes_parts else plain & job.windows.are_whole(job.sizes)
        job.take_whole(np.flatnonzero(whole).tolist())
        if self._takes_parts:
            job.parts[whole] = job.windows.boxes[whole]
            job.origins[whole] = job.windows.boxes[whole, :2]
        job.take_cut(np.flatnonzero(plain & ~whole), self._threads, self._memory)
        each(np.flatnonzero(others).tolist(), job.take_decoded, self._threads)


class _Job:
    """One batch that is being made.

    Attributes:
        indices: Of its samples, (B,).
        records: What is stored of them.
        sizes: Height and width of their sources, (B, 2).
        windows: What is needed of them.
        data: See `ImageBatch`; empty until it is made.
        origins: See `Windows.batch`; `parts` likewise.
        failed: Positions of samples that cannot be made, and why.
    """

    def __init__(
        self,
        fields: PackFields,
        name: str,
        indices: Indices,
        sizes: NDArray[np.int32],
        wanted: Windows,
    ) -> None:
        field = fields.fields[name]
        assert isinstance(field, Image)
        self._field = field
        self._fields = fields
        self.indices = indices
        self.records = fields.records(name, indices)
        self.sizes = sizes
        self.windows = wanted
        self.data: list[NDArray[np.uint8]] = [_NOTHING] * len(indices)
        self.origins = np.zeros((len(indices), 2), np.int32)
        self.parts = np.concatenate([self.origins, sizes], axis=1)
        self.failed: dict[int, FastDataError] = {}

    def key(self, at: int) -> str:
        """Name of the sample at a position."""
        return self._fields.key(int(self.indices[at]))

    def take_whole(self, positions: list[int]) -> None:
        """Files as they are stored; not copied."""
        for at in positions:
            self.data[at] = self._whole(at)

    def _whole(self, at: int) -> NDArray[np.uint8]:
        return np.frombuffer(self.records[at], np.uint8)

    def take_cut(self, positions: NDArray[Any], threads: int, memory: BatchBuffers) -> None:
        """Files cut to their windows, in memory that nothing refers to any more."""
        if not len(positions):
            return
        numbers = positions.tolist()
        records = [self.records[at] for at in numbers]
        crops = core().crop_jpegs(
            records,
            self.windows.boxes[positions],
            threads=threads,
            names=lambda at: self.key(numbers[at]),
            out=memory.empty((_room(records),), np.uint8).numpy(),
        )
        ends = crops.offsets + crops.lengths
        for at, start, end in zip(numbers, crops.offsets.tolist(), ends.tolist(), strict=True):
            # A length of -1: the file is to be decoded as it is.
            self.data[at] = crops.data[start:end] if end >= start else self._whole(at)
        self.origins[positions] = crops.origins
        self.parts[positions, 2:] = crops.sizes
        self.failed.update((numbers[at], error) for at, error in crops.failed)

    def take_decoded(self, at: int) -> None:
        """A file that the core decodes, as one that DALI reads without loss."""
        size = self.windows.boxes[at, 2:]
        out = np.empty((1, *size.tolist(), self._field.channels), np.uint8)
        batch = FieldBatch(
            field=self._field,
            records=[self.records[at]],
            sizes=self.sizes[at : at + 1],
            out=out,
            names=lambda _: self.key(at),
            geometry=self.windows.copying(at),
        )
        failed = core().decode_batch(batch, threads=1)
        self.failed.update((at, error) for _, error in failed)
        self.data[at] = as_pnm(out[0])
        self._starts_at_window(at)

    def take_raw(self, at: int) -> None:
        """The window of stored pixels."""
        shape = (*self.sizes[at].tolist(), self._field.channels)
        record = self.records[at]
        if record.nbytes != np.prod(shape):
            self.failed[at] = PackCorrupt(
                f"{self.key(at)}: a raw record of {record.nbytes} bytes; shape {shape} needs others"
            )
            return
        pixels = np.frombuffer(record, np.uint8).reshape(shape)
        self.data[at] = np.ascontiguousarray(pixels[self.windows.part(at)])
        self._starts_at_window(at)

    def _starts_at_window(self, at: int) -> None:
        self.origins[at] = self.windows.boxes[at, :2]
        self.parts[at, 2:] = self.windows.boxes[at, 2:]


def _room(records: Sequence[memoryview]) -> int:
    """Bytes for the crops of these files, of few different numbers, so that they come again.

    What is not written to takes no memory.
    """
    needed = CroppedJpegs.room_bytes(records)
    return 1 << (needed - 1).bit_length()


def _is_checked(fields: PackFields, name: str) -> bool:
    """Whether all files of a field were encoded or transcoded at conversion, and are sound."""
    schemas = (leaf.schema for leaf in fields.located.leaves)
    return all(schema[name].codec in ("jpeg", "jpeg-fast") for schema in schemas)

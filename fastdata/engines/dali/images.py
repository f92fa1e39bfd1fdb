"""From records to what is fed into the pipeline, cut to what each crop needs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fastdata.codecs import crop_jpeg
from fastdata.engines.dali.files import FileKinds, as_pnm
from fastdata.engines.dali.inputs import ImageInput
from fastdata.engines.dali.windows import Window, windows
from fastdata.engines.packed import PackFields
from fastdata.engines.work import Indices
from fastdata.errors import FastDataError, PackCorrupt
from fastdata.geometry import Geometry
from fastdata.native import core
from fastdata.schema import Image

__all__ = ["ImageInputs"]

# Slices a batch is cut into for several threads: enough to even out images of different cost.
_SLICES: Final = 16

Failures = list[tuple[int, FastDataError]]


class ImageInputs:
    """Makes `ImageInput` of the samples of an image field; an `ImageRenderer`.

    JPEGs are cut without decoding, to the box and what the resize's filter reaches around it; with
    `takes_parts` the decoder is told that part instead. What DALI would decode otherwise than the
    other engines (PNG, CMYK, an orientation, damage) is decoded here by the core, as they do, and
    goes on as the pixels of a PNM file; what cannot be decoded ends here.

    Args:
        fields: Where the records come from.
        takes_parts: Leaves files whole.
        threads: Threads that share a batch.
    """

    def __init__(self, fields: PackFields, *, takes_parts: bool, threads: int) -> None:
        self._fields = fields
        self._takes_parts = takes_parts
        self._threads = threads
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
    ) -> tuple[list[Any], Failures]:
        """The inputs of these samples, None for those that failed, and why they did."""
        field = self._fields.fields[name]
        assert isinstance(field, Image)
        records = self._fields.records(name, indices)
        wanted = windows(sizes, geometry)
        numbers = indices.tolist()

        def make(at: int) -> ImageInput | FastDataError:
            size = int(sizes[at, 0]), int(sizes[at, 1])
            try:
                if name not in self._kinds:
                    return _raw(records[at], field, size, wanted[at])
                return self._file(name, numbers[at], records[at], field, size, wanted[at])
            except FastDataError as error:
                return _named(error, self._fields.key(numbers[at]))

        made = _each(len(numbers), make, self._threads)
        failed = [(at, entry) for at, entry in enumerate(made) if isinstance(entry, FastDataError)]
        return [None if isinstance(entry, FastDataError) else entry for entry in made], failed

    def _file(
        self,
        name: str,
        index: int,
        record: memoryview,
        field: Image,
        size: tuple[int, int],
        window: Window,
    ) -> ImageInput:
        if not self._kinds[name].is_plain(index, record, size):
            cut = self._decoded(index, record, field, size, window)
            return window.input(as_pnm(cut), (window.top, window.left), part=(0, 0, *cut.shape[:2]))
        if self._takes_parts:
            whole = np.frombuffer(record, np.uint8)
            return window.input(whole, (window.top, window.left), part=window.box)
        if window.box == (0, 0, *size):
            return window.input(np.frombuffer(record, np.uint8), (0, 0), part=window.box)
        cropped = crop_jpeg(record, window.box)
        data = np.frombuffer(cropped.data, np.uint8)
        part = (0, 0, cropped.height, cropped.width)
        return window.input(data, (cropped.top, cropped.left), part=part)

    def _decoded(
        self, index: int, record: memoryview, field: Image, size: tuple[int, int], window: Window
    ) -> NDArray[np.uint8]:
        """The pixels of the window, (height, width, channels)."""
        out = np.empty((*window.box[2:], field.channels), np.uint8)
        failed = core().decode_batch(
            field,
            [record],
            np.array([size], np.int32),
            window.copying,
            None,
            out[None],
            threads=1,
            names=lambda at: self._fields.key(index),  # noqa: ARG005
        )
        for _, error in failed:
            raise error
        return out


def _named(error: FastDataError, key: str) -> FastDataError:
    return error if str(error).startswith(f"{key}: ") else type(error)(f"{key}: {error}")


def _is_checked(fields: PackFields, name: str) -> bool:
    """Whether all files of a field were encoded or transcoded at conversion, and are sound."""
    schemas = (leaf.schema for leaf in fields.located.leaves)
    return all(schema[name].codec in ("jpeg", "jpeg-fast") for schema in schemas)


def _raw(record: memoryview, field: Image, size: tuple[int, int], window: Window) -> ImageInput:
    shape = (*size, field.channels)
    if record.nbytes != np.prod(shape):
        raise PackCorrupt(f"a raw record of {record.nbytes} bytes; shape {shape} needs others")
    pixels = np.frombuffer(record, np.uint8).reshape(shape)
    cut = np.ascontiguousarray(pixels[window.rows, window.columns])
    return window.input(cut, (window.top, window.left), part=(0, 0, *cut.shape[:2]))


def _each(count: int, make: Callable[[int], Any], threads: int) -> list[Any]:
    """What `make` gives for 0..count-1, shared among threads."""
    if threads <= 1 or count <= 1:
        return list(map(make, range(count)))
    parts = np.array_split(np.arange(count), min(_SLICES, count))
    with ThreadPoolExecutor(threads, "fastdata-crop") as executor:
        made = executor.map(lambda part: [make(at) for at in part.tolist()], parts)
        return [entry for part in made for entry in part]

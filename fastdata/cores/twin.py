"""The Pillow twin: the reference for what a batch of records becomes.

Slow beside the compiled core, but everywhere, and simple enough to believe. It also makes what the
compiled core leaves to it.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from fastdata.codecs import decode_mask, open_image
from fastdata.cores.contract import Failures
from fastdata.cores.fieldbatch import FieldBatch
from fastdata.cores.jpeg_batches import crop_jpegs, jpeg_kinds
from fastdata.cores.render import render
from fastdata.distance import dequantize
from fastdata.errors import FastDataError, InputError, PackCorrupt
from fastdata.philox import uniform
from fastdata.schema import DistanceMap, Field, Image, Mask
from fastdata.transforms import Pixels

__all__ = ["NAME", "crop_jpegs", "decode_batch", "jpeg_kinds", "uniform"]

NAME: Final = "pillow twin"

# Slices a batch is cut into for several threads: enough to even out images of different cost over
# up to 8 of them, few enough that handing over costs nothing.
_SLICES: Final = 16

# Columns of stage_seconds.
_DECODE, _RESIZE = range(2)


def decode_batch(
    batch: FieldBatch,
    *,
    threads: int,
    stage_seconds: npt.NDArray[np.float64] | None = None,
    positions: Sequence[int] | None = None,
) -> Failures:
    """The reference for `Core.decode_batch`; here `positions` may name, ascending, all to make."""
    wanted = range(len(batch)) if positions is None else positions
    if threads <= 1 or len(wanted) <= 1:
        return _decode_slice(batch, wanted, stage_seconds)
    edges = np.linspace(0, len(wanted), min(_SLICES, len(wanted)) + 1).astype(int).tolist()
    slices = [wanted[start:end] for start, end in itertools.pairwise(edges)]
    # Started for each batch: 0.1 ms beside the 100 ms that a batch of photos takes, and there is no
    # thread that a forked child would miss.
    with ThreadPoolExecutor(threads, "fastdata-decode") as executor:
        futures = [executor.submit(_decode_slice, batch, part, stage_seconds) for part in slices]
    return [failure for future in futures for failure in future.result()]


def _decode_slice(
    batch: FieldBatch, positions: Sequence[int], stage_seconds: npt.NDArray[np.float64] | None
) -> Failures:
    problems = batch.problems
    failures: Failures = []
    for position in positions:
        spent = None if stage_seconds is None else stage_seconds[position]
        if spent is not None:
            spent[...] = 0
        try:
            if position in problems:
                raise InputError(problems[position])
            _decode_one(batch, position, spent)
        except FastDataError as error:
            batch.out[position] = 0
            failures.append((position, type(error)(f"{batch.names(position)}: {error}")))
    return failures


def _decode_one(batch: FieldBatch, position: int, spent: npt.NDArray[np.float64] | None) -> None:
    height, width = map(int, batch.sizes[position])
    with _clock(spent, _DECODE):
        decoded = _load(batch.field, batch.records[position], (height, width))
    with _clock(spent, _RESIZE):
        _place(batch, position, decoded, (height, width))


def _place(
    batch: FieldBatch,
    position: int,
    decoded: npt.NDArray[Any] | PillowImage.Image,
    size: tuple[int, int],
) -> None:
    if batch.geometry is not None:
        result = render(decoded, batch.field, batch.geometry, position)
    elif isinstance(batch.field, DistanceMap):
        result = dequantize(np.asarray(decoded), batch.field)
    else:
        result = np.asarray(decoded).reshape(*size, *batch.out.shape[3:])
    target = batch.out[position]
    if result.shape != target.shape:
        raise InputError(
            f"shape {result.shape} after transforms; the batch has {target.shape}; "
            "add a Resize or a crop, so that all samples have one size"
        )
    _write(result, target, batch.pixels if isinstance(batch.field, Image) else None)


@contextmanager
def _clock(spent: npt.NDArray[np.float64] | None, stage: int) -> Iterator[None]:
    """Notes the time that its block takes, if that is asked for."""
    if spent is None:
        yield
        return
    start = time.perf_counter()
    try:
        yield
    finally:
        spent[stage] = time.perf_counter() - start


def _write(result: npt.NDArray[Any], target: npt.NDArray[Any], pixels: Pixels | None) -> None:
    if pixels is None or pixels.dtype == "uint8":
        target[...] = result
        return
    factor, offset = pixels.factors()
    np.multiply(result, factor, out=target)
    target += offset


def _load(field: Field, record: Any, size: tuple[int, int]) -> npt.NDArray[Any] | PillowImage.Image:
    """The decoded sample; images from files stay Pillow images: only what is used is copied."""
    if isinstance(record, np.ndarray):
        return record
    if isinstance(field, Image) and field.codec != "raw":
        image = open_image(record, field.channels)
        _check_size((image.height, image.width), size)
        return image
    if isinstance(field, Mask) and field.codec != "raw":
        mask = decode_mask(record)
        _check_size(mask.shape, size)
        if mask.itemsize > field.item_dtype.itemsize:
            raise PackCorrupt(f"decodes to {mask.dtype}; the schema says {field.dtype}")
        return mask
    return _raw(field, record, size)


def _raw(field: Field, record: Any, size: tuple[int, int]) -> npt.NDArray[Any]:
    shape: tuple[int, ...] = size
    if isinstance(field, Image):
        shape = (*size, field.channels)
    elif isinstance(field, DistanceMap) and field.form == "signed":
        shape = (field.classes, *size)
    found, expected = memoryview(record).nbytes, math.prod(shape) * field.item_dtype.itemsize
    if found != expected or min(size) < 1:
        raise PackCorrupt(f"a raw record of {found} bytes; shape {shape} needs {expected}")
    return np.frombuffer(record, dtype=field.item_dtype).reshape(shape)


def _check_size(found: tuple[int, ...], expected: tuple[int, int]) -> None:
    if found != expected:
        raise PackCorrupt(f"decodes to {found}; the pack says {expected} (height, width)")

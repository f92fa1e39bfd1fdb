"""The compiled core behind the same face as its Pillow twin.

Its threads are the core's own and sleep between batches; none of them runs a torch operation or an
OpenMP region, so torch's intra-op threads are neither used nor waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fastdata.cores import twin
from fastdata.cores.contract import CroppedJpegs, Failures
from fastdata.cores.fieldbatch import FieldBatch
from fastdata.errors import FastDataError, InputError, PackCorrupt
from fastdata.geometry import Geometry
from fastdata.philox import check_draw
from fastdata.schema import DistanceMap, Field, Image
from fastdata.transforms import Pixels

__all__ = ["CompiledCore"]

# What the core calls the reasons of its failures; 2 asks for the twin.
_ERRORS: Final[dict[int, type[FastDataError]]] = {0: InputError, 1: PackCorrupt}
_AS_IT_IS: Final = ((1.0,) * 4, (0.0,) * 4)


class CompiledCore:
    """Decodes batches in C++; what the core does not know, such as CMYK, is left to the twin.

    Args:
        extension: The compiled module.
    """

    def __init__(self, extension: ModuleType) -> None:
        self._extension = extension

    @property
    def NAME(self) -> str:  # noqa: N802
        """The core's name, with the library and the instructions that it uses."""
        return f"native ({self._extension.describe()})"

    def decode_batch(
        self,
        batch: FieldBatch,
        *,
        threads: int,
        stage_seconds: npt.NDArray[np.float64] | None = None,
    ) -> Failures:
        """Decode a batch; see `Core.decode_batch`."""
        problems = batch.problems
        if stage_seconds is not None:
            stage_seconds[...] = 0
        failed = self._extension.decode_batch(
            self._kind(batch.field),
            list(batch.records),
            np.ascontiguousarray(batch.sizes, np.int32),
            None if batch.geometry is None else _arrays(batch.geometry),
            batch.out,
            values=_values(batch.pixels) if isinstance(batch.field, Image) else _AS_IT_IS,
            positions=[at for at in range(len(batch)) if at not in problems],
            stage_seconds=stage_seconds,
            threads=threads,
        )
        left = [at for at, reason, _ in failed if reason not in _ERRORS]
        failures = [
            (at, _ERRORS[reason](f"{batch.names(at)}: {message}"))
            for at, reason, message in failed
            if reason in _ERRORS
        ]
        if problems or left:
            failures += twin.decode_batch(
                batch,
                threads=threads,
                stage_seconds=stage_seconds,
                positions=sorted([*problems, *left]),
            )
        return sorted(failures, key=lambda failure: failure[0])

    def crop_jpegs(
        self,
        records: Sequence[Any],
        boxes: npt.NDArray[np.integer],
        *,
        threads: int,
        names: Callable[[int], str],
        out: npt.NDArray[np.uint8] | None = None,
    ) -> CroppedJpegs:
        """Cut small JPEGs out of others; see `Core.crop_jpegs`."""
        crops = CroppedJpegs.room_for(records, out)

        def refuse(at: int) -> Failures:
            one = [records[at]], boxes[at : at + 1]
            return twin.crop_jpegs(*one, threads=1, names=lambda _: names(at)).failed

        failed = self._extension.crop_jpegs(
            list(records),
            boxes.astype(np.int64, order="C", casting="same_kind"),
            data=crops.data,
            offsets=crops.offsets,
            lengths=crops.lengths,
            origins=crops.origins,
            sizes=crops.sizes,
            threads=threads,
        )
        crops.failed.extend(_named(failed, names, refuse))
        return crops

    def jpeg_kinds(
        self,
        records: Sequence[Any],
        sizes: npt.NDArray[np.integer],
        *,
        threads: int,
        names: Callable[[int], str],
        checks: bool = False,
    ) -> tuple[npt.NDArray[np.bool_], Failures]:
        """Find the plain JPEGs; see `Core.jpeg_kinds`."""
        plain = np.empty(len(records), np.bool_)

        def refuse(at: int) -> Failures:
            one = [records[at]], sizes[at : at + 1]
            return twin.jpeg_kinds(*one, threads=1, names=lambda _: names(at))[1]

        failed = self._extension.jpeg_kinds(
            list(records),
            np.ascontiguousarray(sizes, np.int32),
            plain=plain,
            checks=checks,
            threads=threads,
        )
        return plain, _named(failed, names, refuse)

    def uniform(
        self,
        seed: int,
        epoch: int,
        indices: npt.NDArray[np.integer],
        operation: int,
        count: int,
    ) -> npt.NDArray[np.float64]:
        """Random numbers of samples, bit for bit those of `fastdata.philox.uniform`."""
        check_draw(operation, count)
        out = np.empty((len(indices), count))
        self._extension.uniform(
            seed & 0xFFFFFFFFFFFFFFFF,
            epoch & 0xFFFFFFFF,
            operation,
            np.ascontiguousarray(indices, np.int64),
            out,
        )
        return out

    def _kind(self, field: Field) -> Any:
        kinds = self._extension.RecordKind
        if isinstance(field, Image):
            return kinds.image(channels=field.channels, raw=field.codec == "raw")
        item_bytes = field.item_dtype.itemsize
        if isinstance(field, DistanceMap):
            classes = field.classes if field.form == "signed" else 0
            return kinds.distance(
                value_bytes=item_bytes, classes=classes, zero=field.zero, scale=field.scale
            )
        return kinds.mask(id_bytes=item_bytes, raw=getattr(field, "codec", "") == "raw")


def _named(
    failed: list[tuple[int, int, str]],
    names: Callable[[int], str],
    refuse: Callable[[int], Failures],
) -> Failures:
    """The core's failures as errors; what it leaves to the twin, the twin refuses in words."""
    failures: Failures = []
    for at, reason, message in failed:
        if reason in _ERRORS:
            failures.append((at, _ERRORS[reason](f"{names(at)}: {message}")))
        else:
            failures += ((at, error) for _, error in refuse(at))
    return failures


def _arrays(geometry: Geometry) -> tuple[npt.NDArray[Any], ...]:
    return (
        np.ascontiguousarray(geometry.boxes),
        np.ascontiguousarray(geometry.out_sizes),
        np.ascontiguousarray(geometry.resized),
        np.ascontiguousarray(geometry.rot90),
        np.ascontiguousarray(geometry.hflip),
        np.ascontiguousarray(geometry.vflip),
    )


def _values(pixels: Pixels | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Factor and offset of up to four channels."""
    if pixels is None or pixels.dtype == "uint8":
        return _AS_IT_IS
    factor, offset = (np.resize(values, 4).tolist() for values in pixels.factors())
    return tuple(factor), tuple(offset)

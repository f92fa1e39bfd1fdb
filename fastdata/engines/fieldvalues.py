"""The values of one field of a batch: gathered where all have one size, rendered else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray

from fastdata.cores import FieldBatch, core
from fastdata.engines.buffers import Resources
from fastdata.engines.drawing import Drawing
from fastdata.engines.drawn import Drawn
from fastdata.engines.packed import PackFields
from fastdata.engines.take import Take
from fastdata.engines.values import change_on_host
from fastdata.engines.work import Indices
from fastdata.errors import FastDataError, UsageError
from fastdata.geometry import Geometry
from fastdata.packs.decoding import decode_rows, record_shape
from fastdata.schema import Bytes, DistanceMap, Field, Image, Text
from fastdata.transforms import Pixels, Plan

__all__ = ["FieldValues", "ImageRenderer"]

# What the core does not write.
_HALVES: Final = ("float16", "bfloat16")

Failures = list[tuple[int, FastDataError]]
# Field, samples, sizes of their sources (B, 2), geometry -> something of B entries, and which
# positions could not be made.
ImageRenderer = Callable[
    [str, Indices, NDArray[np.int32], Geometry | None], tuple["Selectable", Failures]
]


class Selectable(Protocol):
    """A value of a batch that is neither a list nor a tensor."""

    def select(self, positions: Sequence[int]) -> Selectable:
        """The entries at these positions."""


class FieldValues:
    """Makes the values of single fields, images as (B, H, W, C).

    Args:
        fields: The fields.
        plan: The transforms; their geometry applies to all spatial fields, pixel values to images.
        drawing: Draws the geometry.
    """

    def __init__(self, fields: PackFields, plan: Plan, drawing: Drawing) -> None:
        self._fields = fields
        self._plan = plan
        self._drawing = drawing

    def is_rendered(self, field: Field) -> bool:
        """Whether it is decoded, moved or changed in value, and not merely gathered."""
        if not field.spatial:
            return False
        changes_values = isinstance(field, Image) and self._plan.pixels.dtype != "uint8"
        return field.storage == "records" or changes_values or self._plan.moves_pixels

    def take(self, name: str, field: Field) -> Take:
        """How to gather a field that is not rendered."""
        take = self._fields.take(name)
        if isinstance(field, DistanceMap):
            return take.then(lambda stored: torch.from_numpy(decode_rows(field, stored.numpy())))
        return take

    def make(
        self,
        name: str,
        indices: Indices,
        *,
        drawn: Drawn | None,
        resources: Resources,
        images: ImageRenderer | None = None,
    ) -> tuple[Any, Failures]:
        """One field of a batch: a tensor, or a list of text or bytes; and what could not be made.

        Args:
            name: Of the field.
            indices: The samples.
            drawn: Their geometry, as the `Drawing` draws it.
            resources: Threads and memory to make it with.
            images: Makes the values of images that are rendered in the core's place.

        Raises:
            UsageError: The samples have different sizes.
        """
        field = self._fields.fields[name]
        if isinstance(field, Bytes):
            return [bytes(record) for record in self._fields.records(name, indices)], []
        if isinstance(field, Text):
            records = self._fields.records(name, indices)
            return [str(record, "utf-8", "surrogateescape") for record in records], []
        if not self.is_rendered(field):
            return self.take(name, field)(indices), []
        sizes, geometry = self._drawing.place(name, indices, drawn)
        out_sizes = sizes if geometry is None else geometry.out_sizes
        self._check_one_size(name, indices, out_sizes)
        if images is not None and isinstance(field, Image):
            return images(name, indices, sizes, geometry)
        size = int(out_sizes[0, 0]), int(out_sizes[0, 1])
        return self._render(name, indices, sizes, geometry, size, resources)

    def _render(
        self,
        name: str,
        indices: Indices,
        sizes: NDArray[np.int32],
        geometry: Geometry | None,
        size: tuple[int, int],
        resources: Resources,
    ) -> tuple[torch.Tensor, Failures]:
        field = self._fields.fields[name]
        pixels = self._plan.pixels if isinstance(field, Image) else None
        rounds = pixels is not None and pixels.dtype in _HALVES
        shape = (len(indices), *record_shape(field, size))
        out = resources.allocate(shape, np.uint8 if rounds else self._result_type(field))
        batch = FieldBatch(
            field=field,
            records=self._fields.records(name, indices),
            sizes=sizes,
            out=out.numpy(),
            names=lambda at: self._fields.key(int(indices[at])),
            geometry=geometry,
            pixels=None if rounds else pixels,
        )
        failed = core().decode_batch(batch, threads=resources.threads)
        return (_rounded(out, pixels, resources) if pixels and rounds else out), failed

    def _result_type(self, field: Field) -> DTypeLike:
        if isinstance(field, Image):
            return self._plan.pixels.dtype
        return np.float32 if isinstance(field, DistanceMap) else field.item_dtype

    def _check_one_size(self, name: str, indices: Indices, sizes: Any) -> None:
        if (sizes != sizes[0]).any():
            other = np.flatnonzero((sizes != sizes[0]).any(axis=1))
            first, second = (
                f"{self._fields.key(int(indices[at]))} ({sizes[at, 0]}x{sizes[at, 1]})"
                for at in (0, int(other[0]))
            )
            raise UsageError(
                f"{name!r} has different sizes (height x width) in one batch: {first} and "
                f"{second}; add Resize((h, w)), RandomCrop or RandomResizedCrop to transforms=, or "
                "give a collate_fn that can batch them"
            )


def _rounded(images: torch.Tensor, pixels: Pixels, resources: Resources) -> torch.Tensor:
    """Images, uint8 (B, H, W, C), as halves."""
    # NumPy, which names the type of the memory, has no bfloat16.
    memory = resources.allocate(tuple(images.shape), np.uint16)
    out = memory.view(getattr(torch, pixels.dtype))
    change_on_host(images, pixels, out)
    return out

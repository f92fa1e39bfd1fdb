"""Makes whole batches of a pack: which samples are in it, and their fields together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import torch

from fastdata.engines.buffers import Resources
from fastdata.engines.drawing import Drawing
from fastdata.engines.fieldvalues import FieldValues, ImageRenderer
from fastdata.engines.packed import PackFields
from fastdata.engines.take import Take
from fastdata.engines.work import Indices, Made, Skip, Task
from fastdata.errors import FastDataError, InputError, PackCorrupt
from fastdata.sampletype import record_type
from fastdata.schema import Bytes, Field, Image, Text
from fastdata.transforms import Plan

__all__ = ["PackMaker"]

_ALONE: Final = Resources()


class PackMaker:
    """Makes batches and single samples of a pack's fields with declared transforms.

    It may be used from several threads and pickles for worker processes.

    Args:
        fields: The fields, in the order of a batch.
        plan: The transforms; their geometry applies to all spatial fields, pixel values to images.
        skip_bad: Leave samples out that cannot be read or decoded, instead of raising.

    Attributes:
        drawing: Draws the geometry of the samples.
    """

    def __init__(self, fields: PackFields, plan: Plan, *, skip_bad: bool) -> None:
        self._fields = fields
        self._plan = plan
        self.skip_bad = skip_bad
        self.drawing = Drawing(fields, plan)
        self._values = FieldValues(fields, plan, self.drawing)
        self.batch_type: Any = record_type("Batch", fields.names)
        self.sample_type: Any = record_type("Sample", fields.names)
        for field in fields.fields.values():
            if isinstance(field, Image):
                plan.pixels.check_channels(field.channels)

    def __reduce__(self) -> tuple[Any, ...]:
        # The classes of batches and samples are made at run time, and have no name to pickle.
        return partial(PackMaker, skip_bad=self.skip_bad), (self._fields, self._plan)

    def __len__(self) -> int:
        return len(self._fields)

    @property
    def schema(self) -> Mapping[str, Field]:
        """The fields, in the order of a batch."""
        return self._fields.fields

    def key(self, index: int) -> str:
        """Source name of a sample."""
        return self._fields.key(index)

    @property
    def only_gathers(self) -> bool:
        """Whether a batch is nothing but gathers, so that several can be made in one go."""
        return not any(
            self._values.is_rendered(field) or isinstance(field, Text | Bytes)
            for field in self._fields.fields.values()
        )

    @property
    def rendered_images(self) -> dict[str, Image]:
        """The image fields that are not merely gathered: decoded, moved or changed in value."""
        return {
            name: field
            for name, field in self._fields.fields.items()
            if isinstance(field, Image) and self._values.is_rendered(field)
        }

    @property
    def fields(self) -> PackFields:
        """Where the values come from."""
        return self._fields

    @property
    def plan(self) -> Plan:
        """The transforms."""
        return self._plan

    def raw(self) -> PackMaker:
        """The same, with images left uint8, for whoever changes their values on a device."""
        plan = dataclasses.replace(self._plan, leaves_values=True)
        return PackMaker(self._fields, plan, skip_bad=self.skip_bad)

    def takes(self) -> list[Take]:
        """How to gather each field in batch layout, when `only_gathers`."""
        return [
            self._values.take(name, field).then(partial(_in_batch_layout, field))
            for name, field in self._fields.fields.items()
        ]

    def make(self, task: Task, resources: Resources = _ALONE) -> Made:
        """One batch.

        Args:
            task: What it holds.
            resources: Threads and memory to make it with.

        Raises:
            FastDataError: A sample is bad, and bad ones are not skipped.
            UsageError: The samples of the batch have different sizes.
        """
        kept, values, skipped = self.values(task, resources)
        if not len(kept):
            return Made(None, 0, skipped)
        return Made(self.batch(values), len(kept), skipped)

    def batch(self, values: Mapping[str, Any]) -> Any:
        """The "Batch" of values by field, images (B, H, W, C); None for fields that have none."""
        fields = self._fields.fields
        return self.batch_type(
            *(
                _in_batch_layout(fields[name], values[name]) if name in values else None
                for name in self._fields.names
            )
        )

    def single(self, task: Task) -> Made:
        """The only sample of a task as a "Sample" of tensors.

        Raises:
            FastDataError: It is bad, and bad ones are not skipped.
        """
        made = self.make(task)
        if not made.size:
            return made
        return made._replace(batch=self.sample_type(*(value[0] for value in made.batch)))

    def samples(self, task: Task) -> tuple[list[Any], tuple[Skip, ...]]:
        """The samples of one batch by themselves, as NumPy values; sizes may differ.

        Returns:
            "Sample" named tuples as a pack gives them, transforms applied; and what was left out.
        """
        found: list[Any] = []
        skipped: list[Skip] = []
        for at in range(len(task.indices)):
            kept, values, bad = self.values(
                Task(task.seed, task.epoch, task.indices[at : at + 1]), _ALONE
            )
            skipped += bad
            if len(kept):
                found.append(self.sample_type(*(_single(value) for value in values.values())))
        return found, tuple(skipped)

    def values(
        self, task: Task, resources: Resources, images: ImageRenderer | None = None
    ) -> tuple[Indices, dict[str, Any], tuple[Skip, ...]]:
        """The samples that could be made, their values by field, and those that could not.

        Args:
            task: What the batch holds.
            resources: Threads and memory to make it with.
            images: Makes the values of `rendered_images` in the core's place.
        """
        skipped: list[Skip] = []
        indices = task.indices
        if self.skip_bad:
            indices = self._leave_out(indices, dict(self._fields.unreadable(indices)), skipped)
        drawn = task.drawn if indices is task.indices else None
        if callable(drawn):
            drawn = drawn()
        if drawn is None:
            drawn = self.drawing.draw(task.seed, task.epoch, indices)
        if drawn is not None and drawn.geometry.problems:
            bad = {
                at: InputError(f"{self._fields.key(int(indices[at]))}: {reason}")
                for at, reason in drawn.geometry.problems
            }
            indices = self._leave_out(indices, bad, skipped)
            drawn = self.drawing.draw(task.seed, task.epoch, indices)
        values: dict[str, Any] = {}
        failures: dict[int, FastDataError] = {}
        try:
            for name in self._fields.names if len(indices) else ():
                values[name], failed = self._values.make(
                    name, indices, drawn=drawn, resources=resources, images=images
                )
                for at, error in failed:
                    failures.setdefault(at, error)
        except PackCorrupt as error:
            raise self._named(error, indices) from error
        kept = self._leave_out(indices, failures, skipped)
        if failures:
            positions = [at for at in range(len(indices)) if at not in failures]
            values = {name: _select(value, positions) for name, value in values.items()}
        return kept, values, tuple(skipped)

    def _named(self, error: PackCorrupt, indices: Indices) -> PackCorrupt:
        """The error with the name of the sample, which only the bad sample by itself gives away."""
        for at, _ in self._fields.unreadable(indices)[:1]:
            return PackCorrupt(f"{self._fields.key(int(indices[at]))}: {error}")
        return error

    def _leave_out(
        self, indices: Indices, bad: Mapping[int, FastDataError], skipped: list[Skip]
    ) -> Indices:
        for at in sorted(bad):
            if not self.skip_bad:
                raise bad[at]
            index = int(indices[at])
            skipped.append(Skip(index, self._fields.key(index), str(bad[at])))
        return np.delete(indices, list(bad)) if bad else indices


def _in_batch_layout(field: Field, value: Any) -> Any:
    """Images become (B, C, H, W) with the strides of channels_last; nothing is copied."""
    return value.permute(0, 3, 1, 2) if isinstance(field, Image) else value


def _select(value: Any, positions: Sequence[int]) -> Any:
    if isinstance(value, list):
        return [value[at] for at in positions]
    if not isinstance(value, torch.Tensor):
        return value.select(positions)
    if value.dtype == torch.bfloat16:
        return value[list(positions)]
    # Through NumPy, because torch cannot index every dtype that it can hold.
    return torch.from_numpy(value.numpy()[list(positions)])


def _single(value: Any) -> Any:
    # [()] makes a NumPy scalar of a 0-dimensional array, as a pack gives it.
    return value[0] if isinstance(value, list) else value.numpy()[0][()]

"""Draws the random geometry of batches, and says what it means for each field."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fastdata.cores import core
from fastdata.engines.drawn import Drawn
from fastdata.engines.packed import PackFields
from fastdata.engines.resolutions import at_resolution, reference_field
from fastdata.engines.work import Indices, Task
from fastdata.geometry import Geometry
from fastdata.transforms import Plan

__all__ = ["Drawing"]


class Drawing:
    """The geometry of a pack's samples: one for all spatial fields of a sample.

    Args:
        fields: The fields.
        plan: The transforms.
    """

    def __init__(self, fields: PackFields, plan: Plan) -> None:
        self._fields = fields
        self._plan = plan
        self._reference = reference_field(fields)

    def draw(self, seed: int, epoch: int, indices: Indices) -> Drawn | None:
        """The geometry of these samples; None where pixels stay where they are."""
        if not self._plan.moves_pixels or self._reference is None or not len(indices):
            return None
        sizes = self._fields.sizes(self._reference, indices)
        geometry = self._plan.geometry(
            sizes, seed=seed, epoch=epoch, indices=indices, uniform=core().uniform
        )
        return Drawn(geometry, sizes)

    def tasks(
        self,
        groups: Iterable[tuple[Indices, list[int]]],
        seed: int,
        epoch: int,
        *,
        by_maker: bool = False,
    ) -> Iterator[Task]:
        """One task a batch, its geometry drawn together with those of its group.

        Args:
            groups: Indices of several batches, and the size of each.
            seed: The run's seed.
            epoch: The epoch.
            by_maker: Whether the thread that makes the first batch of a group draws, for makers
                that have the time; else it is the one that asks for tasks.
        """
        for indices, sizes in groups:
            draw = functools.cache(partial(self.draw, seed, epoch, indices))
            for stop, size in zip(itertools.accumulate(sizes), sizes, strict=True):
                part = partial(_part, draw, stop - size, stop)
                yield Task(seed, epoch, indices[stop - size : stop], part if by_maker else part())

    def place(
        self, name: str, indices: Indices, drawn: Drawn | None
    ) -> tuple[NDArray[np.int32], Geometry | None]:
        """Sizes of a field's sources, (B, 2) height and width, and what happens to them."""
        if drawn is None:
            return self._fields.sizes(name, indices), None
        if name == self._reference:
            return drawn.sizes, drawn.geometry
        sizes = self._fields.sizes(name, indices)
        return sizes, at_resolution(drawn.geometry, sizes / np.maximum(drawn.sizes, 1))


def _part(draw: Callable[[], Drawn | None], start: int, stop: int) -> Drawn | None:
    drawn = draw()
    return None if drawn is None else drawn.part(start, stop)

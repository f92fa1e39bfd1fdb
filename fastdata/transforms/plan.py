"""A checked list of transforms, ready to be carried out on whole batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from fastdata.errors import UsageError
from fastdata.geometry import Geometry, GeometryBuilder
from fastdata.philox import uniform
from fastdata.transforms.base import Size, Transform
from fastdata.transforms.pixels import Normalize, Pixels, ToFloat

__all__ = ["Plan", "plan"]

# seed, epoch, indices, operation, count -> float64 (B, count)
Uniform = Callable[
    [int, int, npt.NDArray[np.integer], int, int],
    npt.NDArray[np.float64],
]


@dataclass(frozen=True)
class Plan:
    """A list of transforms that has been checked; see `plan`.

    Attributes:
        transforms: The list. The position of an entry is part of what its random numbers depend on.
        leaves_values: Whether images stay uint8, for somebody else to change their values.
    """

    transforms: tuple[Transform, ...] = ()
    leaves_values: bool = False

    @cached_property
    def moves_pixels(self) -> bool:
        """Whether any entry changes place or size of pixels, so that a geometry is needed."""
        return any(not isinstance(entry, ToFloat | Normalize) for entry in self.transforms)

    @cached_property
    def fixed_size(self) -> Size | None:
        """(height, width) of every result whatever the source's size, or None where it may vary."""
        return self.output(None)

    def output(self, size: Size | None) -> Size | None:
        """(height, width) of the results if every source has `size`, or None where it may vary."""
        for entry in self.transforms:
            size = entry.output(size)
        return size

    @cached_property
    def pixels(self) -> Pixels:
        """What happens to the values of images, last."""
        changing = [entry for entry in self.transforms if isinstance(entry, ToFloat | Normalize)]
        if self.leaves_values or not changing:
            return Pixels()
        last = changing[-1]
        if isinstance(last, Normalize):
            return Pixels(last.dtype, 1 / 255, last.mean, last.std)
        return Pixels(last.dtype, 1 / 255)

    def geometry(
        self,
        sizes: npt.NDArray[np.integer],
        *,
        seed: int,
        epoch: int,
        indices: npt.NDArray[np.integer],
        uniform: Uniform = uniform,
    ) -> Geometry:
        """Draw and compose the geometry of a batch.

        Args:
            sizes: (B, 2) height and width of the upright sources.
            seed: The run's seed, 64 bits.
            epoch: The epoch, from 0.
            indices: (B,) the samples' indices in their dataset; with seed and epoch, all that the
                numbers drawn depend on.
            uniform: Draws the numbers; a core's is quicker, and gives the same.
        """
        builder = GeometryBuilder(sizes)
        for position, entry in enumerate(self.transforms):
            entry.apply(builder, partial(uniform, seed, epoch, indices, position))
        return builder.build()


def plan(transforms: Sequence[Transform] | Transform | None) -> Plan:
    """Check a list of transforms.

    Geometry and pixel values may be mixed in any order; values are always changed last, since flips
    and crops do not mind and resampling happens in uint8.

    Raises:
        UsageError: An entry is no transform of this module, there are two `Normalize`, or `ToFloat`
            asks for another half than the `Normalize` after it.
    """
    if transforms is None:
        return Plan()
    if not isinstance(transforms, Transform | Iterable):
        raise UsageError(
            f"transforms is {transforms!r}; expected a list of fastdata.transforms; "
            "use pack.map(function) for a function of your own"
        )
    entries = (transforms,) if isinstance(transforms, Transform) else tuple(transforms)
    for position, entry in enumerate(entries):
        if not isinstance(entry, Transform):
            raise UsageError(
                f"transforms[{position}] is {entry!r}; expected one of fastdata.transforms; "
                "use pack.map(function) for a function of your own"
            )
    normalizing = [at for at, entry in enumerate(entries) if isinstance(entry, Normalize)]
    if len(normalizing) > 1:
        raise UsageError(
            f"transforms[{normalizing[1]}] is a second Normalize; the first is at "
            f"{normalizing[0]}; leave one out"
        )
    for position, entry in enumerate(entries):
        if normalizing and isinstance(entry, ToFloat) and position > normalizing[0]:
            raise UsageError(
                f"transforms[{position}] is ToFloat after Normalize, whose result is float; "
                "leave it out or put it first"
            )
    _check_floats(entries)
    return Plan(entries)


def _check_floats(entries: tuple[Transform, ...]) -> None:
    changing = [entry for entry in entries if isinstance(entry, ToFloat | Normalize)]
    for entry in changing[:-1]:
        if entry.dtype not in ("float32", changing[-1].dtype):
            raise UsageError(
                f"transforms has ToFloat(dtype={entry.dtype!r}) before a "
                f"{type(changing[-1]).__name__} of {changing[-1].dtype}, which decides; give "
                f"dtype={entry.dtype!r} to the latter"
            )

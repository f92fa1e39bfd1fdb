"""Crops of a fixed size: whole pixels, copied exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastdata.geometry import GeometryBuilder
from fastdata.transforms.base import Draw, Ints, Size, Transform, check_size, pair

__all__ = ["CenterCrop", "RandomCrop"]


@dataclass(frozen=True)
class RandomCrop(Transform):
    """A box of `size` at a random place.

    An image smaller than the box is refused (an `InputError` naming the sample), not padded.

    Attributes:
        size: (height, width) of the box in pixels, or one number for both.
    """

    size: int | Size

    def __post_init__(self) -> None:
        check_size(self, self.size)

    def apply(self, builder: GeometryBuilder, draw: Draw) -> None:  # noqa: D102
        room = _room(builder, self, pair(self.size))
        _crop_at(builder, np.floor(draw(2) * (room + 1)).astype(np.int64), pair(self.size))

    def output(self, size: Size | None) -> Size | None:  # noqa: D102, ARG002
        return pair(self.size)


@dataclass(frozen=True)
class CenterCrop(Transform):
    """The box of `size` in the middle.

    An image smaller than the box is refused (an `InputError` naming the sample), not padded.

    Attributes:
        size: (height, width) of the box in pixels, or one number for both.
    """

    size: int | Size

    def __post_init__(self) -> None:
        check_size(self, self.size)

    def apply(self, builder: GeometryBuilder, draw: Draw) -> None:  # noqa: D102, ARG002
        room = _room(builder, self, pair(self.size))
        _crop_at(builder, np.rint(room / 2).astype(np.int64), pair(self.size))

    def output(self, size: Size | None) -> Size | None:  # noqa: D102, ARG002
        return pair(self.size)


def _room(builder: GeometryBuilder, transform: Transform, size: Size) -> Ints:
    """(B, 2) how far the box can move; samples it does not fit into are noted, with room 0."""
    room: Ints = builder.sizes - np.array(size)
    builder.refuse(
        room.min(axis=1) < 0,
        f"{transform} needs an image of at least {size[0]} x {size[1]} (height x width); "
        "found {height} x {width}; put a Resize before it or leave the image out",
    )
    return room.clip(0)


def _crop_at(builder: GeometryBuilder, corner: Ints, size: Size) -> None:
    builder.crop(np.concatenate([corner, np.full_like(corner, size)], axis=1))

"""Drives the compiled core's placing of single pictures, beside the twin's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from fastdata.cores.render import render
from fastdata.geometry import Geometry
from fastdata.native.extension import compiled

core = compiled()
needs_core = pytest.mark.skipif(core is None, reason="there is no compiled core here")

STRAIGHT = (0, False, False)
TURNS = [
    (rot90, hflip, vflip)
    for rot90 in range(4)
    for hflip in (False, True)
    for vflip in (False, True)
]
# One working memory for all pictures, as a thread has it.
SCRATCH = (
    {}
    if core is None
    else {portable: core.Scratch(portable=portable) for portable in (False, True)}
)


def placement(box, size, turn=STRAIGHT, *, resized=True):
    """`size` is the result's before turning."""
    return core.Placement.of(
        box=tuple(map(float, box)), size=tuple(size), resized=resized, turn=core.Turn.of(*turn)
    )


def turned_size(size, placed):
    return tuple(size)[::-1] if placed.turn.parts[0] else tuple(size)


def place_image(
    window, placed, out, *, origin=(0, 0), whole=None, denominator=1,
    factor=(1,) * 4, offset=(0,) * 4, portable=False,
):  # fmt: skip
    """Place a part (h, w, channels) of a picture of size `whole` into `out`, in place."""
    SCRATCH[portable].place_image(
        window, origin=origin, size=whole or window.shape[:2], denominator=denominator,
        placement=placed, out=out, factor=factor, offset=offset,
    )  # fmt: skip
    return out


def image_of(window, box, size, turn=STRAIGHT, *, resized=True, **options):
    """A new uint8 result of a box of `window`."""
    placed = placement(box, size, turn, resized=resized)
    out = np.empty((*turned_size(size, placed), window.shape[2]), np.uint8)
    return place_image(window, placed, out, **options)


def by_twin(source, field, box, size, turn=STRAIGHT, *, resized=True):
    """What the twin makes of the same box."""
    rot90, hflip, vflip = turn
    out_size = size[::-1] if rot90 & 1 else size
    geometry = Geometry(
        np.array([box], np.float64), np.array([out_size], np.int32), np.array([resized]),
        np.array([rot90], np.uint8), np.array([hflip]), np.array([vflip]),
    )  # fmt: skip
    return render(source, field, geometry, 0)


@st.composite
def boxes(draw, height, width):
    """(top, left, height, width) within a picture: anywhere, on whole pixels, or all of it."""
    parts = []
    for side in (height, width):
        kind = draw(st.sampled_from(("anywhere", "whole pixels", "all")))
        if kind == "all":
            parts.append((0, side))
        elif kind == "whole pixels":
            start = draw(st.integers(0, side - 1))
            parts.append((start, draw(st.integers(1, side - start))))
        else:
            start = draw(st.floats(0, side - 0.02))
            parts.append((start, draw(st.floats(0.01, side - start))))
    return parts[0][0], parts[1][0], parts[0][1], parts[1][1]


def noise(height, width, channels=3, *, seed=0):
    """Pixels without any regularity, the hardest to resample alike."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)

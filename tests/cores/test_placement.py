"""Turns, stored placements and reach of the compiled core, against NumPy and Pillow."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from fastdata.codecs.orientation import upright
from fastdata.errors import InputError
from fastdata.native.extension import compiled

core = compiled()
pytestmark = pytest.mark.skipif(core is None, reason="there is no compiled core here")

PICTURE = np.arange(6, dtype=np.uint8).reshape(2, 3)
ORIENTATIONS = range(1, 9)
BOTH = (False, True)
TURNS = [(rot90, hflip, vflip) for rot90 in range(4) for hflip in BOTH for vflip in BOTH]


def turned(picture, turn):
    """What a `Turn` says of itself: rows and columns exchanged first, then the mirrors."""
    transpose, flip_rows, flip_columns = turn.parts
    picture = picture.T if transpose else picture
    return picture[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]


def by_numpy(picture, rot90, hflip, vflip):
    picture = np.rot90(picture, rot90)
    return picture[:: -1 if vflip else 1, :: -1 if hflip else 1]


def by_pillow(picture, orientation):
    return np.asarray(upright(PillowImage.fromarray(picture), orientation))


def placement(box, size, *, resized=True, turn=(0, False, False)):
    return core.Placement.of(
        box=tuple(map(float, box)), size=size, resized=resized, turn=core.Turn.of(*turn)
    )


@pytest.mark.parametrize("turn", TURNS)
def test_turns_are_quarter_turns_and_then_flips(turn):
    np.testing.assert_array_equal(turned(PICTURE, core.Turn.of(*turn)), by_numpy(PICTURE, *turn))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_upright_is_what_pillow_makes_of_the_orientation(orientation):
    expected = by_pillow(PICTURE, orientation)
    np.testing.assert_array_equal(turned(PICTURE, core.Turn.upright(orientation)), expected)


@pytest.mark.parametrize("first", TURNS)
@pytest.mark.parametrize("second", TURNS)
def test_one_turn_then_another_is_one_turn(first, second):
    both = core.Turn.of(*first).then(core.Turn.of(*second))
    expected = by_numpy(by_numpy(PICTURE, *first), *second)
    np.testing.assert_array_equal(turned(PICTURE, both), expected)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_stored_placement_takes_the_same_pixels_from_the_stored_picture(orientation, turn):
    stored = np.arange(7 * 9, dtype=np.uint8).reshape(7, 9)
    whole = by_pillow(stored, orientation)
    box = placement((1, 2, 4, 3), (4, 3), resized=False, turn=turn).stored(
        orientation, *whole.shape
    )
    top, left, height, width = box.reach(*stored.shape)
    found = turned(stored[top : top + height, left : left + width], box.turn)
    np.testing.assert_array_equal(found, by_numpy(whole[1:5, 2:5], *turn))


def contributions(start, length, count, size):
    """Whether each pixel of an axis has a weight in Pillow's resampling to any result pixel."""
    line = PillowImage.fromarray(np.eye(size, dtype=np.float32) * 1e6)
    box = (start, 0, start + length, size)
    weights = np.asarray(line.resize((count, size), PillowImage.Resampling.BILINEAR, box))
    return weights.any(axis=1)


@given(size=st.integers(1, 60), count=st.integers(1, 40), data=st.data())
def test_reach_is_exactly_what_pillows_result_depends_on(size, count, data):
    quarters = st.integers(0, 4 * size - 1)
    start = data.draw(quarters) / 4
    length = data.draw(st.integers(1, int(4 * (size - start)))) / 4
    used = np.flatnonzero(contributions(start, length, count, size))
    top, left, height, width = placement((start, 0, length, 1), (count, 1)).reach(size, 1)
    assert (left, width) == (0, 1)
    assert (top, top + height) == (used[0], used[-1] + 1)


def test_reach_of_a_copy_is_its_box():
    assert placement((2, 1, 4, 5), (4, 5), resized=False).reach(7, 9) == (2, 1, 4, 5)


def test_a_rounding_error_at_the_edge_is_none():
    assert placement((0, 0, 10 + 1e-13, 5), (3, 3)).reach(10, 5) == (0, 0, 10, 5)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.5, 0.25, 1e300])
@pytest.mark.parametrize("part", range(4))
def test_boxes_outside_the_picture_are_refused(part, value):
    box = [0, 0, 8, 8]
    box[part] = value if part < 2 else value * 40
    with pytest.raises(InputError, match=r"expected one within the picture of 8 x 8"):
        placement(box, (4, 4)).reach(8, 8)


@pytest.mark.parametrize("box", [(0, 0, 0, 8), (0, 0, 8, 0)])
def test_empty_boxes_are_refused(box):
    with pytest.raises(InputError, match="within the picture"):
        placement(box, (4, 4)).reach(8, 8)


@pytest.mark.parametrize("size", [(0, 4), (4, 0), (-1, 4)])
def test_empty_results_are_refused(size):
    with pytest.raises(InputError, match="expected at least 1 x 1"):
        placement((0, 0, 8, 8), size).reach(8, 8)


@pytest.mark.parametrize("box", [(0.5, 0, 4, 4), (0, 0, 4, 5), (0, 0.25, 4, 4)])
def test_copies_need_whole_pixels_and_the_same_size(box):
    with pytest.raises(InputError, match="expected whole pixels and the same size"):
        placement(box, (4, 4), resized=False).reach(8, 8)


def test_a_copy_is_not_taken_beyond_an_edge_that_floats_cannot_tell():
    size = (1 << 24) + 3
    assert np.float32(size) == size + 1
    with pytest.raises(InputError, match="expected whole pixels"):
        placement((0, 4, 1, size - 3), (1, size - 3), resized=False).reach(1, size)

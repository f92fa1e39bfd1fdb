"""Images that the compiled core places are the twin's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from placing import (
    TURNS,
    boxes,
    by_twin,
    image_of,
    needs_core,
    noise,
    place_image,
    placement,
    turned_size,
)

from fastdata.codecs.orientation import upright
from fastdata.errors import InputError
from fastdata.schema import Image

pytestmark = needs_core

SIDES = st.integers(1, 70)
CHANNELS = st.sampled_from((1, 3))
TURN = st.sampled_from(TURNS)
PORTABLE = st.booleans()


def difference(found, expected):
    return np.abs(found.astype(int) - expected)


@st.composite
def cases(draw):
    """A picture, a box of it and a result's size."""
    picture = noise(draw(SIDES), draw(SIDES), draw(CHANNELS), seed=draw(st.integers(0, 9)))
    return picture, draw(boxes(*picture.shape[:2])), (draw(SIDES), draw(SIDES))


@given(case=cases(), turn=TURN)
def test_any_box_is_the_twins(case, turn):
    picture, box, size = case
    expected = by_twin(picture, Image(channels=picture.shape[2]), box, size, turn)
    # Weights of 16 bits may move a value over the middle between two levels, once a pass.
    assert difference(image_of(picture, box, size, turn), expected).max() <= 2


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [60, 150, 223, 224, 225, 300, 337, 400])
def test_crops_are_pillows_to_a_level(side, channels):
    picture = noise(400, 400, channels, seed=side)
    top = (400 - side) // 3
    expected = by_twin(picture, Image(channels=channels), (top, top, side, side), (224, 224))
    found = difference(image_of(picture, (top, top, side, side), (224, 224)), expected)
    assert found.max() <= 1 and found.mean() < 0.02


@pytest.mark.parametrize("channels", [1, 3])
def test_huge_reductions_are_pillows(channels):
    picture = noise(4000, 2100, channels)
    expected = by_twin(picture, Image(channels=channels), (0, 0, 4000, 2100), (16, 16))
    found = difference(image_of(picture, (0, 0, 4000, 2100), (16, 16)), expected)
    assert found.max() <= 1 and found.mean() < 0.02


@given(case=cases(), level=st.sampled_from((0, 1, 127, 255)))
def test_flat_pictures_stay_flat(case, level):
    picture, box, size = case
    assert (image_of(np.full_like(picture, level), box, size) == level).all()


@given(case=cases(), turn=TURN)
def test_all_instructions_give_the_same_bits(case, turn):
    portable = image_of(*case, turn, portable=True)
    np.testing.assert_array_equal(image_of(*case, turn), portable)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("width", [1, 3, 4, 5, 6, 7, 17, 22])
def test_all_instructions_give_the_same_bits_at_every_scale(channels, width):
    # Gray results are made by fours as long as these lie within 16 bytes.
    picture = noise(3, 200, channels)
    for length in range(1, 200):
        for hflip in (False, True):
            case = (picture, (0, 0.5, 3, length), (3, width), (0, hflip, False))
            np.testing.assert_array_equal(image_of(*case), image_of(*case, portable=True))


@given(case=cases(), portable=PORTABLE)
def test_a_window_of_the_filters_reach_gives_what_the_whole_picture_gives(case, portable):
    picture, box, size = case
    top, left, height, width = placement(box, size).reach(*picture.shape[:2])
    window = picture[top : top + height, left : left + width].copy()
    found = image_of(
        window, box, size, origin=(top, left), whole=picture.shape[:2], portable=portable
    )
    np.testing.assert_array_equal(found, image_of(*case, portable=portable))


@given(case=cases(), turn=TURN, portable=PORTABLE)
def test_turns_change_nothing_but_places(case, turn, portable):
    rot90, hflip, vflip = turn
    expected = np.rot90(image_of(*case, portable=portable), rot90)
    expected = expected[:: -1 if vflip else 1, :: -1 if hflip else 1]
    np.testing.assert_array_equal(image_of(*case, turn, portable=portable), expected)


@given(data=st.data(), channels=CHANNELS, turn=TURN, portable=PORTABLE)
def test_without_a_resize_pixels_are_copied(data, channels, turn, portable):
    picture = noise(data.draw(SIDES), data.draw(SIDES), channels)
    sides = picture.shape[:2]
    top, left = (data.draw(st.integers(0, side - 1)) for side in sides)
    size = (data.draw(st.integers(1, sides[0] - top)), data.draw(st.integers(1, sides[1] - left)))
    found = image_of(picture, (top, left, *size), size, turn, resized=False, portable=portable)
    expected = by_twin(
        picture, Image(channels=channels), (top, left, *size), size, turn, resized=False
    )
    np.testing.assert_array_equal(found, expected)


@given(case=cases(), turn=TURN, orientation=st.integers(1, 8))
def test_stored_placements_give_the_upright_result(case, turn, orientation):
    stored, _, size = case
    whole = upright(
        PillowImage.fromarray(stored.squeeze(axis=2) if stored.shape[2] == 1 else stored),
        orientation,
    )
    whole = np.asarray(whole).reshape(whole.height, whole.width, -1)
    box = (0.25, 0, whole.shape[0] - 0.25, whole.shape[1])
    placed = placement(box, size, turn).stored(orientation, *whole.shape[:2])
    expected = image_of(whole, box, size, turn)
    found = place_image(stored, placed, np.empty_like(expected))
    # The passes change places where rows become columns, and so does the rounding between them.
    assert difference(found, expected).max() <= 2


@given(case=cases(), denominator=st.sampled_from((2, 4, 8)), portable=PORTABLE)
def test_a_smaller_decoded_picture_is_placed_by_boxes_of_the_stored_one(
    case, denominator, portable
):
    picture, box, size = case
    stored_box = [part * denominator for part in box]
    found = image_of(picture, stored_box, size, denominator=denominator, portable=portable)
    np.testing.assert_array_equal(found, image_of(picture, box, size, portable=portable))


LAYOUTS = {
    "rows": lambda h, w, c: np.empty((h, w, c)),
    "planes": lambda h, w, c: np.empty((c, h, w)).transpose(1, 2, 0),
    "within another": lambda h, w, c: np.empty((h + 2, w + 3, c))[1:-1, 2:-1],
    "planes within another": lambda h, w, c: np.empty((c, h + 2, w + 3)).transpose(1, 2, 0)[
        1:-1, 2:-1
    ],
    "backwards": lambda h, w, c: np.empty((h, w, c))[::-1, ::-1, ::-1],
    "every other": lambda h, w, c: np.empty((h, 2 * w, 2 * c))[:, ::2, ::2],
}


def filled(layout, shape, dtype):
    """An array of this layout, and all of the memory that it is a part of, which holds 77."""
    view = LAYOUTS[layout](*shape)
    base = view if view.base is None else view.base
    whole = np.full(base.shape, 77, dtype)
    start = (view.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // 8
    strides = [stride // 8 * whole.itemsize for stride in view.strides]
    flat = whole.reshape(-1)[start:]
    return np.lib.stride_tricks.as_strided(flat, shape, strides), whole


@pytest.mark.parametrize("layout", LAYOUTS)
@given(case=cases(), turn=TURN, floats=st.booleans(), portable=PORTABLE)
def test_any_layout_holds_the_same_and_nothing_beside_it_is_touched(
    layout, case, turn, floats, portable
):
    picture, box, size = case
    channels = picture.shape[2]
    placed = placement(box, size, turn)
    shape = (*turned_size(size, placed), channels)
    factor = np.array([0.0171, 0.0175, 0.0174, 0], np.float32)
    offset = np.array([-2.118, -2.036, -1.804, 0], np.float32)
    expected = image_of(picture, box, size, turn)
    if floats:
        expected = expected * factor[:channels]
        expected += offset[:channels]
    out, whole = filled(layout, shape, np.float32 if floats else np.uint8)
    place_image(
        picture, placed, out, factor=factor.tolist(), offset=offset.tolist(), portable=portable
    )
    np.testing.assert_array_equal(out, expected)
    out[...] = 77
    assert (whole == 77).all()


PICTURE = noise(20, 30)
BOX = (2, 3, 10, 12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"origin": (4, 0)}, r"needs rows 1 to 13; expected a window that has them"),
        ({"origin": (0, 5)}, r"needs columns 2 to 16; expected a window"),
        ({"whole": (11, 30)}, r"expected one within the picture of 11 x 30"),
        ({"out": np.empty((5, 7, 3), np.uint8)}, r"the batch has 5 x 7 x 3"),
        ({"out": np.empty((5, 6, 1), np.uint8)}, r"shape 5 x 6 x 3 after transforms"),
        ({"out": np.empty((5, 6, 3), np.uint16)}, r"uint16 target of an image"),
        ({"window": noise(20, 30, 2)}, r"an image of 2 channels; expected 1 or 3"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(change, message):
    arguments = {
        "window": PICTURE,
        "out": np.empty((5, 6, 3), np.uint8),
        "whole": (20, 30),
    } | change
    with pytest.raises(InputError, match=message):
        place_image(arguments.pop("window"), placement(BOX, (5, 6)), **arguments)

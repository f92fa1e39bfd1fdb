"""Masks and distance maps that the compiled core places are the twin's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage
from placing import SCRATCH, TURNS, boxes, by_twin, needs_core, placement, turned_size

from fastdata.codecs.orientation import upright
from fastdata.distance import dequantize
from fastdata.errors import InputError
from fastdata.schema import DistanceMap, Mask

pytestmark = needs_core

SIDES = st.integers(1, 70)
TURN = st.sampled_from(TURNS)


def ids(height, width, dtype, seed=0):
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top, (height, width), dtype, endpoint=True)


def mask_of(
    mask, box, size, turn, orientation=1, *, resized=True, origin=(0, 0), whole=None, dtype=None
):
    placed = placement(box, size, turn, resized=resized)
    out = np.empty((*turned_size(size, placed), 1), dtype or mask.dtype)
    SCRATCH[False].place_mask(
        mask[:, :, None], origin=origin, size=whole or mask.shape, placement=placed,
        orientation=orientation, out=out,
    )  # fmt: skip
    return out[:, :, 0]


@st.composite
def mask_cases(draw):
    dtype = draw(st.sampled_from((np.uint8, np.uint16)))
    mask = ids(draw(SIDES), draw(SIDES), dtype, draw(st.integers(0, 9)))
    return mask, draw(boxes(*mask.shape)), (draw(SIDES), draw(SIDES))


@given(case=mask_cases(), turn=TURN)
def test_masks_are_the_twins_to_the_bit(case, turn):
    mask, box, size = case
    expected = by_twin(mask, Mask(dtype=mask.dtype.name), box, size, turn)
    np.testing.assert_array_equal(mask_of(mask, box, size, turn), expected)


@given(case=mask_cases(), turn=TURN, orientation=st.integers(1, 8))
def test_stored_masks_give_the_upright_result_to_the_bit(case, turn, orientation):
    standing, box, size = case
    back = {6: 8, 8: 6}.get(orientation, orientation)
    stored = np.asarray(upright(PillowImage.fromarray(standing), back))
    found = mask_of(stored, box, size, turn, orientation)
    np.testing.assert_array_equal(found, mask_of(standing, box, size, turn))


def test_a_tie_goes_to_the_pixel_behind_in_the_upright_mask():
    stored = np.array([[4, 3, 2, 1]], np.uint8)
    found = mask_of(stored, (0, 0, 1, 4), (1, 2), (0, False, False), 2)
    np.testing.assert_array_equal(found, [[2, 4]])


@given(mask=st.builds(ids, SIDES, SIDES, st.just(np.uint8)), turn=TURN, data=st.data())
def test_masks_are_copied_without_a_resize(mask, turn, data):
    top, left = (data.draw(st.integers(0, side - 1)) for side in mask.shape)
    size = tuple(
        data.draw(st.integers(1, side - at))
        for side, at in zip(mask.shape, (top, left), strict=True)
    )
    expected = by_twin(mask, Mask(), (top, left, *size), size, turn, resized=False)
    found = mask_of(mask, (top, left, *size), size, turn, resized=False)
    np.testing.assert_array_equal(found, expected)
    window = mask[top : top + size[0], left : left + size[1]].copy()
    found = mask_of(
        window, (top, left, *size), size, turn, resized=False, origin=(top, left), whole=mask.shape
    )
    np.testing.assert_array_equal(found, expected)


def test_bytes_go_into_wider_ids_but_not_the_other_way():
    mask = ids(9, 8, np.uint8)
    found = mask_of(mask, (0, 0, 9, 8), (9, 8), TURNS[0], resized=False, dtype=np.uint16)
    np.testing.assert_array_equal(found, mask)
    wide = ids(9, 8, np.uint16)
    with pytest.raises(InputError, match="expected ids of one channel that fit the target"):
        mask_of(wide, (0, 0, 9, 8), (9, 8), TURNS[0], resized=False, dtype=np.uint8)


def test_a_mask_that_is_not_in_memory_is_refused():
    with pytest.raises(InputError, match="needs row or column 5; expected a window that has it"):
        mask_of(
            ids(5, 20, np.uint8), (0, 0, 20, 20), (20, 20), TURNS[0], resized=False, whole=(20, 20)
        )


FIELDS = {
    "uint8": DistanceMap(dtype="uint8", scale=0.25),
    "signed uint8": DistanceMap(dtype="uint8", form="signed", classes=3, scale=64 / 127, zero=128),
    "float16": DistanceMap(),
    "signed float16": DistanceMap(form="signed", classes=2),
    "scaled float16": DistanceMap(scale=0.3, zero=3),
}


def stored_distances(field, height, width, seed=0):
    shape = (field.classes, height, width) if field.form == "signed" else (height, width)
    rng = np.random.default_rng(seed)
    if field.dtype == "uint8":
        return rng.integers(0, 256, shape, np.uint8)
    return (rng.normal(size=shape) * 100).astype(np.float16)


def distance_of(stored, field, box, size, turn=TURNS[0], *, resized=True, portable=False):
    placed = placement(box, size, turn, resized=resized)
    planes = stored.reshape(-1, *stored.shape[-2:])
    out = np.full((len(planes), *turned_size(size, placed)), np.nan, np.float32)
    SCRATCH[portable].place_distance(
        planes.copy().view(np.uint8).reshape(*planes.shape, -1), zero=field.zero,
        scale=field.scale, placement=placed, out=out.transpose(1, 2, 0),
    )  # fmt: skip
    return out if field.form == "signed" else out[0]


@st.composite
def distance_cases(draw):
    field = FIELDS[draw(st.sampled_from(list(FIELDS)))]
    stored = stored_distances(field, draw(SIDES), draw(SIDES), draw(st.integers(0, 9)))
    return stored, field, draw(boxes(*stored.shape[-2:])), (draw(SIDES), draw(SIDES))


@given(case=distance_cases(), turn=TURN)
def test_distances_are_the_twins(case, turn):
    stored, field, box, size = case
    expected = by_twin(stored, field, box, size, turn)
    found = distance_of(*case, turn)
    # The twin cuts out a window, which moves its box by a float's rounding; where a tiny box is
    # enlarged, so are the values and what they are wrong by.
    factor = max(1.0, np.sqrt(np.prod(size) / (box[2] * box[3])))
    largest = np.abs(dequantize(stored, field)).max()
    tolerance = 1e-5 * np.abs(expected).max() + 1e-4 * factor * largest
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@given(case=distance_cases(), turn=TURN)
def test_all_instructions_give_the_same_distances(case, turn):
    np.testing.assert_array_equal(distance_of(*case, turn), distance_of(*case, turn, portable=True))


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize("size", [(224, 224), (16, 300), (300, 16)])
def test_whole_maps_are_the_twins_within_float_rounding(field, size):
    stored = stored_distances(field, 150, 200)
    expected = by_twin(stored, field, (0, 0, 150, 200), size)
    found = distance_of(stored, field, (0, 0, 150, 200), size)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
@pytest.mark.parametrize("turn", TURNS)
def test_distances_without_a_resize_are_the_dequantised_ones(field, turn, portable):
    stored = stored_distances(field, 30, 41)
    expected = by_twin(stored, field, (3, 4, 20, 31), (20, 31), turn, resized=False)
    found = distance_of(
        stored, field, (3, 4, 20, 31), (20, 31), turn, resized=False, portable=portable
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("portable", [False, True])
def test_a_map_that_is_not_finite_spoils_none_after_it(portable):
    endless = np.full((9, 40), np.inf, np.float16)
    distance_of(endless, DistanceMap(), (0, 0, 9, 40), (5, 5), portable=portable)
    ones = np.ones((9, 7), np.float16)
    found = distance_of(ones, DistanceMap(), (0, 0, 9, 7), (9, 14), portable=portable)
    np.testing.assert_allclose(found, np.sqrt(2), rtol=1e-6)


@pytest.mark.parametrize("portable", [False, True])
def test_every_half_becomes_its_float(portable):
    every = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(256, 256)
    found = distance_of(
        every, DistanceMap(), (0, 0, 256, 256), (256, 256), resized=False, portable=portable
    )
    np.testing.assert_array_equal(found, every.astype(np.float32))


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((2, 5, 6), np.float32, "shape 5 x 6 x 1 after transforms; the batch has 5 x 6 x 2"),
        ((1, 6, 6), np.float32, "the batch has 6 x 6 x 1"),
        ((1, 5, 6), np.uint8, "a target of integers for distances; expected float32"),
    ],
)
def test_targets_that_do_not_fit_distances_are_refused(shape, dtype, message):
    stored = stored_distances(FIELDS["uint8"], 10, 12)[None, :, :, None]
    out = np.empty(shape, dtype).transpose(1, 2, 0)
    with pytest.raises(InputError, match=message):
        SCRATCH[False].place_distance(
            stored, zero=0, scale=1, placement=placement((0, 0, 10, 12), (5, 6)), out=out
        )

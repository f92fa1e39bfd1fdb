"""Distance maps are SciPy's exact ones, and come back from storage within the stated error."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from realdata import real_data
from scipy.ndimage import distance_transform_edt

from fastdata.codecs import decode_mask
from fastdata.distance import (
    boundary,
    dequantize,
    distance_field,
    quantization_error_pixels,
    quantize,
    signed,
)
from fastdata.errors import LabelError, UsageError
from fastdata.schema import DistanceMap

# Distances are computed in float32 here and in float64 by SciPy: one part in 2**24, of at most 900.
FLOAT32_ROUNDING = 6e-5

small_masks = st_numpy.arrays(
    np.uint8, st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 3)
)


def blocks(height=60, width=90, classes=5, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, classes, (height // 7 + 1, width // 7 + 1), dtype=np.uint8)
    return coarse.repeat(7, 0).repeat(7, 1)[:height, :width]


def camvid():
    paths = sorted(real_data("camvid").glob("masks/*.png"))[::20]
    return [decode_mask(path.read_bytes()) for path in paths]


def boundary_by_scipy(mask):
    """The definition, pixel by pixel: a boundary pixel has a neighbour of another class."""
    padded = np.pad(mask.astype(int), 1, constant_values=-1)
    centre = padded[1:-1, 1:-1]
    is_boundary = np.zeros(mask.shape, bool)
    for other in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        is_boundary |= (other != centre) & (other != -1)
    if not is_boundary.any():
        return np.full(mask.shape, math.hypot(*mask.shape))
    return distance_transform_edt(~is_boundary)


def signed_by_scipy(mask, classes):
    diagonal = math.hypot(*mask.shape)
    maps = []
    for k in range(classes):
        inside = mask == k
        if inside.all() or not inside.any():
            maps.append(np.full(mask.shape, -diagonal if inside.all() else diagonal))
        else:
            maps.append(distance_transform_edt(~inside) - distance_transform_edt(inside))
    return np.stack(maps)


def check_exact(mask, classes):
    found = boundary(mask)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, boundary_by_scipy(mask), atol=FLOAT32_ROUNDING)
    found = signed(mask, classes)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, signed_by_scipy(mask, classes), atol=FLOAT32_ROUNDING)


def test_street_scenes_are_exact():
    for mask in camvid():
        check_exact(mask, 12)


@settings(max_examples=200, deadline=None)
@given(small_masks)
def test_any_small_mask_is_exact(mask):
    check_exact(mask, 5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_ids_of_any_integer_type(dtype):
    check_exact(blocks().astype(dtype), 5)
    check_exact(np.asfortranarray(blocks()).astype(dtype)[::-1, 3:], 5)


def test_a_boundary_lies_on_both_its_sides():
    mask = np.array([[0, 0, 0, 1, 1]] * 2, np.uint8)
    np.testing.assert_array_equal(boundary(mask), [[2, 1, 0, 0, 1]] * 2)
    np.testing.assert_array_equal(signed(mask, 2)[0], [[-3, -2, -1, 1, 2]] * 2)


def test_a_mask_of_one_class_is_as_far_as_its_diagonal():
    mask = np.zeros((30, 40), np.uint8)
    np.testing.assert_array_equal(boundary(mask), np.full(mask.shape, 50))
    np.testing.assert_array_equal(signed(mask, 2), [np.full(mask.shape, d) for d in (-50, 50)])
    np.testing.assert_array_equal(boundary(mask, truncate=7), np.full(mask.shape, 7))
    np.testing.assert_array_equal(signed(mask, 2, truncate=7)[:, 0, 0], [-7, 7])


def test_truncation_clips_and_changes_nothing_below():
    mask = blocks()
    np.testing.assert_array_equal(boundary(mask, truncate=2), boundary(mask).clip(max=2))
    np.testing.assert_array_equal(signed(mask, 6, truncate=9), signed(mask, 6).clip(-9, 9))


def test_ignored_pixels_make_no_boundary():
    mask = np.array([[0, 0, 255, 1, 1, 2, 2]] * 2, np.uint8)
    np.testing.assert_array_equal(boundary(mask, ignore_index=255), [[4, 3, 2, 1, 0, 0, 1]] * 2)
    np.testing.assert_array_equal(boundary(mask), [[1, 0, 0, 0, 0, 0, 1]] * 2)
    only = np.where(mask == 255, 255, 0).astype(np.uint8)
    assert (boundary(only, ignore_index=255) == np.float32(math.hypot(2, 7))).all()


def test_ignored_pixels_are_outside_of_every_class():
    mask = np.array([[0, 255, 1]], np.uint8)
    np.testing.assert_array_equal(signed(mask, 2), [[[-1, 1, 2]], [[2, 1, -1]]])


@pytest.mark.parametrize("form", ["boundary", "signed"])
@pytest.mark.parametrize("dtype", ["uint8", "float16"])
@pytest.mark.parametrize("truncate", [None, 5.0, 20.0, 100.0])
def test_stored_distances_come_back_within_the_stated_error(form, dtype, truncate):
    field = distance_field(form, dtype=dtype, truncate=truncate, classes=12, shape=(360, 480))
    stated = quantization_error_pixels(field)
    limit = math.inf if field.truncate is None else field.truncate
    largest = 0.0
    far = np.zeros((360, 480), np.uint8)
    far[0, 0] = 1
    for mask in [*camvid(), far]:
        exact = boundary(mask) if form == "boundary" else signed(mask, 12)
        stored = quantize(exact, field)
        assert stored.dtype == field.item_dtype and stored.shape == exact.shape
        found = dequantize(stored, field)
        assert found.dtype == np.float32
        largest = max(largest, float(np.abs(found - exact.clip(-limit, limit)).max()))
    assert stated / 4 < largest <= stated + FLOAT32_ROUNDING


def test_stated_errors():
    assert quantization_error_pixels(distance_field("boundary", dtype="uint8")) == 0.5
    fine = distance_field("boundary", dtype="uint8", truncate=51)
    assert quantization_error_pixels(fine) == pytest.approx(0.1)
    both = distance_field("signed", dtype="uint8", truncate=12.7, classes=2)
    assert quantization_error_pixels(both) == pytest.approx(0.05)
    half = distance_field("boundary")
    assert quantization_error_pixels(half, 63) == 2**-6
    assert quantization_error_pixels(half, 511) == 2**-3
    assert quantization_error_pixels(half) == 16


def test_signs_survive_storage():
    mask = blocks()
    exact = signed(mask, 6)
    for dtype in ("uint8", "float16"):
        field = distance_field("signed", dtype=dtype, truncate=30, classes=6)
        found = dequantize(quantize(exact, field), field)
        np.testing.assert_array_equal(np.sign(found), np.sign(exact))


def test_distances_beyond_float16_do_not_become_infinite():
    field = distance_field("boundary")
    stored = quantize(np.array([[92_000.0]], np.float32), field)
    assert dequantize(stored, field)[0, 0] == 65504


def test_fields_say_how_they_store():
    assert distance_field("boundary") == DistanceMap(dtype="float16")
    field = distance_field("signed", of="m", dtype="uint8", truncate=25.4, classes=3)
    assert (field.zero, field.truncate, field.classes, field.of) == (128, 25.4, 3, "m")
    assert field.scale == pytest.approx(0.2)
    assert distance_field("boundary", dtype="uint8").truncate == 255
    assert distance_field("signed", dtype="uint8", classes=2).truncate == 127


@pytest.mark.parametrize("truncate", [0, -1, math.inf, math.nan, 70_000])
def test_truncation_must_be_a_distance(truncate):
    with pytest.raises(UsageError, match=r"truncate is .* pixels; expected above 0"):
        distance_field("boundary", truncate=truncate)


def test_signed_maps_need_classes():
    with pytest.raises(UsageError, match="needs the number of classes"):
        distance_field("signed")


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 3, 4), np.uint8), np.zeros((3, 4)), np.zeros((0, 4), np.uint8)]
)
def test_what_is_no_mask_is_refused(wrong):
    for compute in (boundary, lambda mask: signed(mask, 2)):
        with pytest.raises(LabelError, match="expected integers"):
            compute(wrong)

"""Transforms: one box a sample, whatever the batch, equal to doing the steps one by one."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import picture
from PIL import Image as PillowImage

from fastdata.cores.render import render
from fastdata.errors import UsageError
from fastdata.schema import Image, Mask
from fastdata.transforms import (
    CenterCrop,
    HorizontalFlip,
    Normalize,
    Pixels,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    Rotate90,
    ToFloat,
    VerticalFlip,
    plan,
)

SEED, EPOCH = 7, 3


def geometry(transforms, sizes, indices=None, *, seed=SEED, epoch=EPOCH):
    sizes = np.array(sizes)
    indices = np.arange(len(sizes)) if indices is None else indices
    return plan(transforms).geometry(sizes, seed=seed, epoch=epoch, indices=indices)


def boxes_of(transform, size, count, **options):
    return geometry([transform], [size] * count, **options)


copying = st.one_of(
    st.builds(HorizontalFlip, st.sampled_from([0.0, 0.5, 1.0])),
    st.builds(VerticalFlip, st.sampled_from([0.0, 0.5, 1.0])),
    st.builds(Rotate90, st.sampled_from([0.0, 1.0])),
    st.builds(RandomCrop, st.integers(1, 9)),
    st.builds(CenterCrop, st.tuples(st.integers(1, 9), st.integers(1, 9))),
)


def carried_out(transform, pixels, position):
    """One copying transform done on the pixels themselves, with the numbers that the plan draws."""
    chain = [HorizontalFlip(0.0)] * position + [transform]
    alone = geometry(chain, [pixels.shape[:2]])
    top, left, height, width = alone.boxes[0].astype(int)
    result = pixels[top : top + height, left : left + width]
    result = np.rot90(result, alone.rot90[0])
    result = result[:, ::-1] if alone.hflip[0] else result
    return result[::-1] if alone.vflip[0] else result


@settings(max_examples=300, deadline=None)
@given(st.lists(copying, max_size=7), st.integers(9, 15), st.integers(9, 15))
def test_copying_chains_equal_their_steps_exactly(transforms, height, width):
    expected = pixels = picture(height, width)
    for position, transform in enumerate(transforms):
        if isinstance(transform, RandomCrop | CenterCrop):
            size = transform.size if isinstance(transform.size, tuple) else (transform.size,) * 2
            if expected.shape[0] < size[0] or expected.shape[1] < size[1]:
                assert geometry(transforms, [(height, width)]).problems
                return
        expected = carried_out(transform, expected, position)
    whole = geometry(transforms, [(height, width)])
    assert not whole.resized[0] and not whole.problems
    assert tuple(whole.out_sizes[0]) == expected.shape[:2]
    np.testing.assert_array_equal(render(pixels, Image(), whole, 0), expected)


def test_resize_then_crop_equals_the_two_steps():
    pixels = picture(150, 200)
    whole = geometry([Resize(64), CenterCrop(48)], [(150, 200)])
    found = render(pixels, Image(), whole, 0)
    small = PillowImage.fromarray(pixels).resize((85, 64), PillowImage.Resampling.BILINEAR)
    top, left = 8, 18
    expected = np.asarray(small)[top : top + 48, left : left + 48]
    # The filters see the same pixels; only coefficients of the box are rounded otherwise.
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_crop_resize_and_turn_equal_the_three_steps():
    pixels = picture(120, 90)
    transforms = [CenterCrop(80), Resize((30, 50)), HorizontalFlip(1.0), CenterCrop(24)]
    found = render(pixels, Image(), geometry(transforms, [(120, 90)]), 0)
    crop = PillowImage.fromarray(pixels[20:100, 5:85])
    small = np.asarray(crop.resize((50, 30), PillowImage.Resampling.BILINEAR))[:, ::-1]
    # The composed filter sees pixels just outside of the first crop, only along its edges.
    assert np.abs(found.astype(int) - small[3:27, 13:37]).max() <= 1


def test_resizing_there_and_back_copies():
    back = geometry([Resize((20, 30)), Resize((40, 60))], [(40, 60)])
    assert not back.resized[0]


@pytest.mark.parametrize(
    "transform", [RandomResizedCrop(8), RandomCrop(5), Rotate90(), HorizontalFlip()]
)
def test_numbers_do_not_depend_on_how_the_batch_is_split(transform):
    sizes = np.random.default_rng(0).integers(9, 99, (40, 2))
    transforms = [Resize(12), transform, VerticalFlip()]
    order = np.random.default_rng(1).permutation(40)
    whole = geometry(transforms, sizes)
    for part in np.array_split(order, 7):
        split = geometry(transforms, sizes[part], part)
        for name in ("boxes", "out_sizes", "resized", "hflip", "vflip", "rot90"):
            np.testing.assert_array_equal(getattr(split, name), getattr(whole, name)[part])


def test_seed_epoch_sample_and_position_each_change_the_numbers():
    first = boxes_of(RandomCrop(4), (999, 999), 50)
    assert len(np.unique(first.boxes, axis=0)) == 50
    for other in (
        boxes_of(RandomCrop(4), (999, 999), 50, seed=8),
        boxes_of(RandomCrop(4), (999, 999), 50, epoch=4),
        geometry([HorizontalFlip(), RandomCrop(4)], [(999, 999)] * 50),
    ):
        assert (other.boxes[:, :2] != first.boxes[:, :2]).any(axis=1).all()


def test_random_resized_crop_keeps_to_scale_and_ratio_and_uses_them_all():
    boxes = boxes_of(RandomResizedCrop(224), (600, 800), 20_000).boxes
    top, left, height, width = boxes.T
    assert (boxes == np.rint(boxes)).all() and (top >= 0).all() and (left >= 0).all()
    assert (top + height <= 600).all() and (left + width <= 800).all()
    area, ratio = height * width / (600 * 800), width / height
    assert 0.078 < area.min() < 0.09 and 0.98 < area.max() <= 1.01
    assert 0.745 < ratio.min() < 0.76 and 1.32 < ratio.max() < 1.34
    # Boxes of a small area always fit: their area and log ratio are uniform.
    small = area < 0.5
    thirds = np.histogram(area[small], bins=3, range=(0.08, 0.5))[0] / small.sum()
    np.testing.assert_allclose(thirds, 1 / 3, atol=0.02)
    halves = np.histogram(np.log(ratio[small]), bins=2, range=(math.log(3 / 4), math.log(4 / 3)))[0]
    np.testing.assert_allclose(halves / small.sum(), 1 / 2, atol=0.02)
    room = 600 - height[small] + 1
    assert abs(((top[small] + 0.5) / room).mean() - 0.5) < 0.01
    assert (top == 0).any() and (top + height == 600).any()


@pytest.mark.parametrize(
    ("size", "central"),
    [((10, 100), (0, 43, 10, 13)), ((100, 10), (43, 0, 13, 10)), ((50, 50), (0, 0, 50, 50))],
)
def test_boxes_that_never_fit_fall_back_to_the_central_one(size, central):
    transform = RandomResizedCrop(8, scale=(4.0, 4.0))
    np.testing.assert_array_equal(boxes_of(transform, size, 9).boxes, [central] * 9)


def test_a_single_pixel_can_be_cropped():
    boxes = boxes_of(RandomResizedCrop(4), (1, 1), 20).boxes
    np.testing.assert_array_equal(boxes, [[0, 0, 1, 1]] * 20)


def test_random_crop_reaches_every_place_and_no_other():
    corners = boxes_of(RandomCrop((3, 4)), (5, 5), 600).boxes[:, :2]
    found, counts = np.unique(corners, axis=0, return_counts=True)
    np.testing.assert_array_equal(found, [(t, left) for t in range(3) for left in range(2)])
    assert counts.min() > 70


@pytest.mark.parametrize(
    ("transform", "attribute"), [(HorizontalFlip(0.3), "hflip"), (VerticalFlip(0.3), "vflip")]
)
def test_flips_come_as_often_as_asked(transform, attribute):
    flipped = getattr(boxes_of(transform, (4, 4), 10_000), attribute)
    assert abs(flipped.mean() - 0.3) < 0.015


def test_quarter_turns_come_equally_often():
    turns = boxes_of(Rotate90(), (4, 6), 8_000)
    np.testing.assert_allclose(np.bincount(turns.rot90) / 8_000, 1 / 4, atol=0.02)
    np.testing.assert_array_equal(turns.out_sizes[turns.rot90 % 2 == 1][0], (6, 4))


# torchvision's rule: the shorter side as asked, the other int(size * long / short).
RESIZES = [
    (Resize(256), (375, 500), (256, 341)),
    (Resize(256), (500, 375), (341, 256)),
    (Resize(256), (256, 256), (256, 256)),
    (Resize(100, max_size=120), (200, 400), (60, 120)),
    (Resize(100, max_size=300), (200, 400), (100, 200)),
    (Resize((30, 40)), (500, 7), (30, 40)),
    (Resize(1), (1, 10_000), (1, 10_000)),
]


@pytest.mark.parametrize(("transform", "size", "expected"), RESIZES)
def test_resize_gives_torchvisions_sizes(transform, size, expected):
    assert tuple(boxes_of(transform, size, 1).out_sizes[0]) == expected
    assert plan([transform]).output(size) == expected


@pytest.mark.parametrize(("side", "crop", "top"), [(5, 2, 2), (7, 2, 2), (9, 4, 2), (8, 8, 0)])
def test_center_crop_rounds_like_torchvision(side, crop, top):
    assert boxes_of(CenterCrop(crop), (side, side), 1).boxes[0, 0] == top


def test_samples_too_small_for_a_crop_are_named_by_position():
    found = geometry([CenterCrop((8, 6))], [(9, 9), (7, 9), (8, 6), (8, 5)])
    assert [position for position, _ in found.problems] == [1, 3]
    assert "at least 8 x 6 (height x width); found 7 x 9" in found.problems[0][1]
    found = geometry([Resize(4), RandomCrop(5)], [(9, 9)])
    assert "found 4 x 4" in found.problems[0][1]


@pytest.mark.parametrize(
    ("transforms", "size"),
    [
        ([], None),
        ([Resize(8)], None),
        ([Resize(8), CenterCrop(6), HorizontalFlip()], (6, 6)),
        ([RandomResizedCrop((4, 6)), Rotate90()], None),
        ([RandomResizedCrop(4), Rotate90()], (4, 4)),
        ([RandomCrop((3, 5)), Normalize((0,), (1,))], (3, 5)),
        ([Resize((4, 6)), Resize(2)], (2, 3)),
    ],
)
def test_the_size_is_known_before_any_image(transforms, size):
    assert plan(transforms).fixed_size == size


def test_pixels_say_what_happens_to_values():
    assert plan(None).pixels == Pixels() == plan([Resize(4)]).pixels
    assert plan(ToFloat()).pixels == Pixels("float32", 1 / 255)
    pixels = plan([ToFloat(), HorizontalFlip(), Normalize([0.5], [0.25])]).pixels
    assert pixels == Pixels("float32", 1 / 255, (0.5,), (0.25,))
    factor, offset = pixels.factors()
    np.testing.assert_allclose(51 * factor + offset, (51 / 255 - 0.5) / 0.25, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_values_become_halves_on_request(dtype):
    named_by_torch = getattr(torch, dtype)
    assert ToFloat(named_by_torch) == ToFloat(dtype)
    assert plan(ToFloat(dtype)).pixels == Pixels(dtype, 1 / 255)
    chain = [ToFloat(), Normalize([0.5], [0.25], dtype=named_by_torch)]
    assert plan(chain).pixels == Pixels(dtype, 1 / 255, (0.5,), (0.25,))
    assert plan([ToFloat(dtype), *chain]).pixels.dtype == dtype


def test_only_geometry_moves_pixels():
    assert not plan([ToFloat(), Normalize((0,), (1,))]).moves_pixels
    assert plan([ToFloat(), HorizontalFlip()]).moves_pixels


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: plan([Resize(4), "flip"]), r"transforms\[1\] is 'flip'; expected one of"),
        (lambda: plan([Resize]), r"transforms\[0\] is <class"),
        (lambda: plan([Normalize((0,), (1,))] * 2), r"transforms\[1\] is a second Normalize"),
        (lambda: plan([Normalize((0,), (1,)), ToFloat()]), r"transforms\[1\] is ToFloat after"),
        (lambda: Resize(0), "size must be at least 1"),
        (lambda: Resize(2.5), r"Resize\(size=2.5, .*size must be a number or a tuple"),
        (lambda: CenterCrop((1, 2, 3)), "size must be a number or a tuple"),
        (lambda: RandomCrop((4,)), "size must be a number or a tuple"),
        (lambda: Resize((4, 4), max_size=9), "max_size needs a number"),
        (lambda: Resize(9, max_size=9), "must be larger"),
        (lambda: RandomResizedCrop(4, scale=(1, 0.5)), "0 < low <= high"),
        (lambda: RandomResizedCrop(4, ratio=(0, 1)), "0 < low <= high"),
        (lambda: HorizontalFlip(1.5), "probability"),
        (lambda: Normalize((0, 0), (1, 1)), "expected 1 or 3"),
        (lambda: Normalize((0,), (0,)), "std above 0"),
        (lambda: Normalize((0,), (1,), "float64"), "dtype='float64'; expected float32, float16"),
        (lambda: ToFloat(torch.uint8), "dtype=torch.uint8; expected float32, float16"),
        (
            lambda: plan([ToFloat("float16"), Normalize((0,), (1,))]),
            r"before a Normalize of float32, which decides; give dtype='float16'",
        ),
        (lambda: Normalize((math.nan,), (1,)), "finite"),
        (lambda: Pixels("float32", 1.0, (0, 0, 0), (1, 1, 1)).check_channels(1), "give 1 or 1"),
    ],
)
def test_wrong_transforms_are_named(make, words):
    with pytest.raises(UsageError, match=words):
        make()


def test_masks_and_images_stay_together():
    ids = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60)
    colours = np.stack([ids & 255, ids >> 8, ids * 0], axis=2).astype(np.uint8)
    drawn = geometry([RandomCrop(20), Rotate90(), HorizontalFlip()], [(40, 60)] * 8)
    for position in range(8):
        mask = render(ids, Mask(dtype="uint16"), drawn, position)
        image = render(colours, Image(), drawn, position).astype(int)
        np.testing.assert_array_equal(image[:, :, 0] + 256 * image[:, :, 1], mask)

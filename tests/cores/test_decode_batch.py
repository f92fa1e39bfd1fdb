"""A batch of records becomes a batch of pixels: the contract of every core."""

import numpy as np
import pytest
from pictures import picture, saved
from PIL import Image as PillowImage
from realdata import real_data

from fastdata.codecs import decode_image, encode_mask_png, encode_png, probe
from fastdata.cores import FieldBatch
from fastdata.distance import boundary, distance_field, quantize, signed
from fastdata.errors import InputError, PackCorrupt, UsageError
from fastdata.geometry import Geometry
from fastdata.schema import DistanceMap, Image, Mask
from fastdata.transforms import (
    CenterCrop,
    HorizontalFlip,
    Normalize,
    RandomResizedCrop,
    Resize,
    Rotate90,
    ToFloat,
    VerticalFlip,
    plan,
)

SIZES = np.array([(40, 60), (33, 50), (70, 31), (48, 48), (90, 90), (64, 20)])
CROP = plan([RandomResizedCrop((24, 16)), HorizontalFlip(), VerticalFlip()])


def name(position):
    return f"sample {position} (cat_{position}.jpg)"


def drawn(transforms, sizes=SIZES, epoch=0):
    count = len(sizes)
    return plan(transforms).geometry(sizes, seed=1, epoch=epoch, indices=np.arange(count))


def photos(channels=3):
    return [picture(*size, channels, seed=i) for i, size in enumerate(SIZES)]


def masks(dtype=np.uint8):
    rng = np.random.default_rng(0)
    blocks = [rng.integers(0, 5, (s[0] // 8 + 1, s[1] // 8 + 1)) for s in SIZES]
    return [
        block.repeat(8, 0).repeat(8, 1)[: s[0], : s[1]].astype(dtype)
        for block, s in zip(blocks, SIZES, strict=True)
    ]


@pytest.fixture
def decoded(core):
    def decode(field, records, geometry, out, *, pixels=None, threads=1, sizes=SIZES):
        batch = FieldBatch(
            field=field, records=records, sizes=sizes, out=out, names=name, geometry=geometry,
            pixels=pixels,
        )  # fmt: skip
        return out, core.decode_batch(batch, threads=threads)

    return decode


def filled(shape, dtype=np.uint8):
    return np.full(shape, 77, dtype)


ENCODINGS = {
    "jpeg": (Image(), lambda pixels: saved(pixels, "JPEG")),
    "png": (Image(codec="png"), encode_png),
    "raw": (Image(codec="raw"), lambda pixels: pixels.tobytes()),
    "view of raw": (Image(codec="raw"), lambda pixels: memoryview(pixels.tobytes())),
}


@pytest.mark.parametrize(("field", "encode"), ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_change_nothing(decoded, field, encode, threads):
    records = [encode(pixels) for pixels in photos()] * 9
    sizes = np.tile(SIZES, (9, 1))
    geometry = drawn(CROP.transforms, sizes)
    alone, _ = decoded(field, records, geometry, filled((54, 24, 16, 3)), sizes=sizes)
    together, failures = decoded(
        field, records, geometry, filled((54, 24, 16, 3)), sizes=sizes, threads=threads
    )
    assert not failures
    np.testing.assert_array_equal(together, alone)


def test_images_equal_pillows_crop_resize_and_flip(decoded):
    pixels = photos()
    geometry = drawn(CROP.transforms)
    out, _ = decoded(Image(), [encode_png(p) for p in pixels], geometry, filled((6, 24, 16, 3)))
    for i, image in enumerate(pixels):
        top, left, height, width = geometry.boxes[i]
        box = (left, top, left + width, top + height)
        expected = PillowImage.fromarray(image).resize(
            (16, 24), PillowImage.Resampling.BILINEAR, box=box
        )
        expected = np.asarray(expected)[:: -1 if geometry.vflip[i] else 1]
        expected = expected[:, :: -1 if geometry.hflip[i] else 1]
        # A core may round the filter's weights otherwise.
        assert np.abs(out[i].astype(int) - expected).max() <= 1


def test_raw_and_png_give_the_same_pixels(decoded):
    pixels = photos()
    geometry = drawn([Resize(40), RandomResizedCrop(20), Rotate90()])
    from_png, _ = decoded(
        Image(), [encode_png(p) for p in pixels], geometry, filled((6, 20, 20, 3))
    )
    from_raw, _ = decoded(
        Image(codec="raw"), [p.tobytes() for p in pixels], geometry, filled((6, 20, 20, 3))
    )
    # Only the part that the filter reaches is given to Pillow, so coefficients may round otherwise.
    assert np.abs(from_png.astype(int) - from_raw).max() <= 1


def test_crops_and_turns_without_a_resize_copy_the_pixels_of_the_whole_decode(decoded):
    records = [saved(p, "JPEG") for p in photos()]
    geometry = drawn([CenterCrop(20), Rotate90(), HorizontalFlip()])
    out, _ = decoded(Image(), records, geometry, filled((6, 20, 20, 3)))
    for i, record in enumerate(records):
        top, left = geometry.boxes[i, :2].astype(int)
        expected = np.rot90(
            decode_image(record, 3)[top : top + 20, left : left + 20], geometry.rot90[i]
        )
        expected = expected[:, ::-1] if geometry.hflip[i] else expected
        np.testing.assert_array_equal(out[i], expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_without_a_geometry_samples_stay_as_they_are(decoded, channels):
    pixels = [picture(12, 9, channels, seed=i) for i in range(3)]
    sizes = np.array([(12, 9)] * 3)
    field = Image(channels=channels)
    records = [encode_png(p) for p in pixels]
    out, failures = decoded(field, records, None, filled((3, 12, 9, channels)), sizes=sizes)
    assert not failures
    np.testing.assert_array_equal(out, pixels)


def test_float_batches_are_scaled_and_normalised(decoded):
    pixels = [picture(12, 9, seed=i) for i in range(3)]
    sizes = np.array([(12, 9)] * 3)
    raw = np.stack(pixels)
    out, _ = decoded(
        Image(codec="raw"), raw, None, filled(raw.shape, np.float32), sizes=sizes,
        pixels=plan([ToFloat()]).pixels,
    )  # fmt: skip
    np.testing.assert_allclose(out, raw / 255, atol=1e-6)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    out, _ = decoded(
        Image(codec="raw"), raw, None, filled(raw.shape, np.float32), sizes=sizes,
        pixels=plan([Normalize(mean, std)]).pixels,
    )  # fmt: skip
    np.testing.assert_allclose(out, (raw / 255 - mean) / std, atol=2e-6)


def test_a_normalisation_for_other_channels_is_refused(decoded):
    with pytest.raises(UsageError, match="3 means for images of 1 channel"):
        decoded(
            Image(channels=1), [], None, filled((0, 4, 4, 1)), sizes=np.empty((0, 2)),
            pixels=plan([Normalize((0, 0, 0), (1, 1, 1))]).pixels,
        )  # fmt: skip


def test_more_records_than_room_are_refused(decoded):
    with pytest.raises(UsageError, match="6 records, 6 sizes and room for 5"):
        decoded(Mask(), masks(), None, filled((5, 40, 60)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("codec", ["png", "raw"])
def test_masks_are_nearest_by_pillows_rule_and_hold_no_new_ids(decoded, dtype, codec):
    ids = [mask * (200 if dtype == "uint16" else 40) for mask in masks(dtype)]
    records = [encode_mask_png(m) if codec == "png" else m.tobytes() for m in ids]
    geometry = drawn([RandomResizedCrop((24, 16))])
    field = Mask(codec=codec, dtype=dtype)
    out, failures = decoded(field, records, geometry, filled((6, 24, 16), dtype))
    assert not failures
    for i, mask in enumerate(ids):
        top, left, height, width = geometry.boxes[i]
        box = (left, top, left + width, top + height)
        expected = PillowImage.fromarray(mask).resize((16, 24), PillowImage.Resampling.NEAREST, box)
        np.testing.assert_array_equal(out[i], np.asarray(expected))
        assert set(np.unique(out[i])) <= set(np.unique(mask))


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_distances_are_scaled_with_the_resize(decoded, dtype):
    mask = np.zeros((80, 120), np.uint8)
    mask[:, 60:] = 1
    field = distance_field("boundary", dtype=dtype, truncate=64)
    stored = quantize(boundary(mask), field)
    sizes = np.array([(80, 120)])
    geometry = drawn([Resize((40, 60))], sizes)
    out, failures = decoded(
        field, [stored.tobytes()], geometry, filled((1, 40, 60), np.float32), sizes=sizes
    )
    assert not failures
    expected = boundary(mask[::2, ::2])
    # Half a pixel of the source for where pixel centres lie, and the error of a stored step.
    assert np.abs(out[0] - expected).max() <= 0.5 + 0.13
    copied, _ = decoded(
        field, [stored.tobytes()], drawn([CenterCrop(40)], sizes), filled((1, 40, 40), np.float32),
        sizes=sizes,
    )  # fmt: skip
    np.testing.assert_allclose(copied[0], boundary(mask)[20:60, 40:80], atol=0.13)


def test_signed_distances_of_all_classes_follow_the_image(decoded):
    ids = masks()
    field = distance_field("signed", classes=5)
    maps = [signed(mask, 5) for mask in ids]
    records = [quantize(m, field).tobytes() for m in maps]
    geometry = drawn([CenterCrop(20), Rotate90(), VerticalFlip()])
    out, failures = decoded(field, records, geometry, filled((6, 5, 20, 20), np.float32))
    assert not failures
    cut, _ = decoded(Mask(codec="raw"), [m.tobytes() for m in ids], geometry, filled((6, 20, 20)))
    np.testing.assert_array_equal((out < 0).argmax(axis=1), cut)
    small = drawn([Resize((20, 20))])
    out, _ = decoded(field, records, small, filled((6, 5, 20, 20), np.float32))
    for k in range(5):
        alone, _ = decoded(
            DistanceMap(), [quantize(m[k], DistanceMap()).tobytes() for m in maps], small,
            filled((6, 20, 20), np.float32),
        )  # fmt: skip
        np.testing.assert_array_equal(out[:, k], alone)


def test_rows_take_the_same_road_as_records(decoded):
    rows = np.stack([picture(30, 30, seed=i) for i in range(4)])
    sizes = np.array([(30, 30)] * 4)
    geometry = drawn([RandomResizedCrop(12), Rotate90()], sizes)
    field = Image(codec="raw", shape=(30, 30))
    from_rows, _ = decoded(field, rows, geometry, filled((4, 12, 12, 3)), sizes=sizes)
    records = [row.tobytes() for row in rows]
    from_records, _ = decoded(field, records, geometry, filled((4, 12, 12, 3)), sizes=sizes)
    np.testing.assert_array_equal(from_rows, from_records)


def test_the_batch_may_have_any_strides(decoded):
    records = [encode_png(p) for p in photos()]
    geometry = drawn(CROP.transforms)
    channels_first = filled((6, 3, 24, 16))
    decoded(Image(), records, geometry, channels_first.transpose(0, 2, 3, 1))
    plain, _ = decoded(Image(), records, geometry, filled((6, 24, 16, 3)))
    np.testing.assert_array_equal(channels_first, plain.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("threads", [1, 2])
def test_failures_come_back_by_position_and_name_and_spoil_nothing_else(decoded, threads):
    records = [saved(p, "JPEG") for p in photos()]
    geometry = drawn(CROP.transforms)
    good, _ = decoded(Image(), list(records), geometry, filled((6, 24, 16, 3)))
    records[1] = records[1][:200]
    records[4] = b"<html>"
    sizes = SIZES.copy()
    sizes[3] = (47, 48)
    out, failures = decoded(
        Image(), records, geometry, filled((6, 24, 16, 3)), sizes=sizes, threads=threads
    )
    assert [position for position, _ in failures] == [1, 3, 4]
    assert [type(error) for _, error in failures] == [InputError, PackCorrupt, InputError]
    for position, error in failures:
        assert str(error).startswith(f"{name(position)}: ")
        assert not out[position].any()
    assert "decodes to (48, 48); the pack says (47, 48)" in str(failures[1][1])
    np.testing.assert_array_equal(out[[0, 2, 5]], good[[0, 2, 5]])


def test_crops_that_do_not_fit_and_sizes_that_differ_are_failures(decoded):
    records = [encode_png(p) for p in photos()]
    _, failures = decoded(Image(), records, drawn([CenterCrop(40)]), filled((6, 40, 40, 3)))
    assert [position for position, _ in failures] == [1, 2, 5]
    assert "CenterCrop(size=40) needs an image of at least 40 x 40" in str(failures[0][1])
    _, failures = decoded(Image(), records, None, filled((6, 48, 48, 3)))
    assert [position for position, _ in failures] == [0, 1, 2, 4, 5]
    assert "add a Resize or a crop" in str(failures[0][1])


def test_raw_records_of_a_wrong_length_are_corrupt(decoded):
    _, failures = decoded(
        Image(codec="raw"), [bytes(11)] * 6, drawn([Resize((4, 4))]), filled((6, 4, 4, 3))
    )
    assert len(failures) == 6 and isinstance(failures[0][1], PackCorrupt)


def test_a_mask_of_more_bits_than_its_field_is_corrupt(decoded):
    record = encode_mask_png(np.full((4, 4), 300, np.uint16))
    _, failures = decoded(Mask(), [record], None, filled((1, 4, 4)), sizes=np.array([(4, 4)]))
    assert "decodes to uint16; the schema says uint8" in str(failures[0][1])


def test_a_bug_in_a_thread_is_raised_not_swallowed(decoded):
    wrong = Geometry(*([np.empty(0)] * 6))
    records = [encode_png(p) for p in photos()]
    with pytest.raises((IndexError, TypeError)):
        decoded(Image(), records, wrong, filled((6, 4, 4, 3)), threads=2)


def test_an_empty_batch_is_nothing(decoded):
    empty = np.empty((0, 2), np.int64)
    _, failures = decoded(
        Image(), [], drawn([Resize((4, 4))], empty), filled((0, 4, 4, 3)), sizes=empty, threads=2
    )
    assert failures == []


def test_real_photos_and_their_orientations(decoded):
    paths = sorted(real_data("photos").glob("*/*"))[::50]
    paths += sorted(real_data("bad/mixed").glob("hopper_orientation_*.jpg"))
    records = [path.read_bytes() for path in paths]
    headers = [probe(record) for record in records]
    sizes = np.array([(header.height, header.width) for header in headers])
    geometry = drawn([Resize(160), CenterCrop(140)], sizes)
    out, failures = decoded(
        Image(), records, geometry, filled((len(paths), 140, 140, 3)), sizes=sizes
    )
    assert not failures
    for i, record in enumerate(records):
        top, left, height, width = geometry.boxes[i]
        whole = PillowImage.fromarray(decode_image(record, 3))
        box = (left, top, left + width, top + height)
        expected = np.asarray(whole.resize((140, 140), PillowImage.Resampling.BILINEAR, box))
        # Coefficients are rounded in another way than Pillow's.
        assert np.abs(out[i].astype(int) - expected).max() <= 2

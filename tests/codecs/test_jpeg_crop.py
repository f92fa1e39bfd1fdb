"""A crop of the compressed data decodes to the pixels of the whole picture, bit for bit."""

import io

import numpy as np
import pytest
from jpegcrops import SAMPLINGS, assert_exact, boxes
from jpegs import decoded, made_jpeg
from pictures import exif, picture, saved, segment, with_segments
from PIL import Image

from fastdata.codecs import crop_jpeg
from fastdata.errors import InputError, UsageError
from fastdata.native.extension import compiled

needs_core = pytest.mark.skipif(compiled() is None, reason="there is no compiled core here")


@pytest.fixture(params=["core", "twin"])
def either(request, monkeypatch):
    """Runs a test with the compiled core and with its twin."""
    if request.param == "twin":
        monkeypatch.setenv("FASTDATA_NATIVE", "off")
    elif compiled() is None:
        pytest.skip("there is no compiled core here")


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
@pytest.mark.parametrize("interval", [1, 2, 3, 4, 5, 7, 12])
def test_pixels_are_those_of_the_whole_picture(sampling, interval):
    for number, size in enumerate([(67, 99), (48, 96), (33, 130)]):
        data = made_jpeg(*size, sampling, interval=interval, seed=number)
        for box in boxes(*size, 25, seed=number):
            assert_exact(data, box)


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
@pytest.mark.parametrize("denominator", [2, 4, 8])
def test_pixels_are_those_of_the_whole_picture_decoded_smaller(sampling, denominator):
    for interval in (1, 2, 3, 5):
        data = made_jpeg(67, 99, sampling, interval=interval, seed=interval)
        for box in boxes(67, 99, 25, seed=interval):
            assert_exact(data, box, denominator)


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("sampling", ["4:2:2", "4:2:0"])
@pytest.mark.parametrize("denominator", [1, 2, 4])
def test_crops_so_narrow_that_they_would_be_upsampled_by_another_rule(sampling, denominator):
    data = made_jpeg(17, 51, SAMPLINGS[sampling], interval=1)
    for left in range(51):
        for width in range(1, min(9, 52 - left)):
            assert_exact(data, (3, left, 5, width), denominator)


@needs_core
@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
def test_core_and_twin_cut_the_same(sampling, monkeypatch):
    for interval in (1, 2, 3, 6, 13):
        data = made_jpeg(70, 180, sampling, interval=interval)
        for box in boxes(70, 180, 25, seed=interval):
            for denominator in (1, 2, 4, 8):
                monkeypatch.delenv("FASTDATA_NATIVE", raising=False)
                part = crop_jpeg(data, box, denominator=denominator)
                monkeypatch.setenv("FASTDATA_NATIVE", "off")
                assert crop_jpeg(memoryview(data), box, denominator=denominator) == part


@pytest.mark.usefixtures("either")
def test_a_crop_takes_no_more_than_its_segments_and_one_beside_a_touching_edge():
    data = made_jpeg(64, 128, SAMPLINGS["4:2:0"], interval=1)
    inside = assert_exact(data, (17, 33, 14, 14))
    assert (inside.top, inside.left, inside.height, inside.width) == (16, 32, 16, 16)
    touching = assert_exact(data, (16, 33, 14, 15))
    assert (touching.top, touching.left, touching.height, touching.width) == (0, 32, 32, 32)
    full = made_jpeg(64, 128, SAMPLINGS["4:4:4"], interval=2)
    part = assert_exact(full, (8, 16, 8, 16))
    assert (part.top, part.left, part.height, part.width) == (8, 16, 8, 16)
    rows = made_jpeg(64, 112, SAMPLINGS["4:4:4"], interval=14)
    part = assert_exact(rows, (16, 50, 9, 1))
    assert (part.top, part.left, part.height, part.width) == (16, 0, 16, 112)
    assert b"\xff\xdd" not in inside.data, "one segment needs no restart interval"


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_jpegs_of_other_writers_are_cut(subsampling):
    for option in ({"restart_marker_blocks": 3}, {"restart_marker_rows": 1}):
        data = saved(picture(90, 144), "JPEG", subsampling=subsampling, quality=80, **option)
        for box in boxes(90, 144, 25):
            part = assert_exact(data, box)
        assert (assert_exact(data, (40, 60, 20, 20)).height) < 90, part


@pytest.mark.usefixtures("either")
def test_what_cannot_be_cut_comes_back_whole_but_without_its_orientation():
    turned = segment(0xE1, b"Exif\0\0" + exif(6))
    plain = saved(picture(48, 64), "JPEG")
    cut = made_jpeg(48, 64, SAMPLINGS["4:2:0"], interval=1)
    at = cut.index(b"\xff\xd3")
    for data in (
        plain,
        saved(picture(48, 64), "JPEG", progressive=True),
        saved(picture(48, 64), "JPEG", restart_marker_rows=9),
        cut[:at] + b"\xff\xd5" + cut[at + 2 :],
        cut[:at] + cut[at + 2 :],
    ):
        data = with_segments(data, turned)
        part = crop_jpeg(data, (20, 40, 20, 20))
        assert (part.top, part.left, part.height, part.width) == (0, 0, 48, 64)
        image = Image.open(io.BytesIO(part.data))
        assert image.getexif() == {}
        assert image.size == (64, 48) and part.data[-40:] == data[-40:]
    np.testing.assert_array_equal(
        decoded(crop_jpeg(with_segments(plain, turned), (0, 0, 1, 1)).data), decoded(plain)
    )


@pytest.mark.usefixtures("either")
def test_damage_beyond_the_crop_is_not_looked_at_and_within_it_is_noticed():
    data = made_jpeg(48, 64, SAMPLINGS["4:2:0"], interval=1)
    swapped = data.replace(b"\xff\xd5", b"\xff\xd6", 1)
    assert crop_jpeg(swapped, (0, 0, 10, 10)).width == 16
    assert crop_jpeg(swapped, (20, 0, 10, 10)).width == 64
    assert crop_jpeg(data[:-2] + b"\xff\xd3", (40, 50, 8, 14)).width == 64


@pytest.mark.usefixtures("either")
def test_wrong_arguments_are_refused():
    data = made_jpeg(48, 64, SAMPLINGS["4:2:0"], interval=1)
    for box in ((-1, 0, 4, 4), (0, 0, 0, 4), (0, 0, 49, 4), (10, 60, 4, 5), (0, 64, 1, 1)):
        with pytest.raises(UsageError, match=r"expected one inside the stored picture of 48 x 64"):
            crop_jpeg(data, box)
    for box in ((2**40, 0, 4, 4), (0, -(2**40), 4, 4)):
        with pytest.raises(UsageError, match=r"expected one inside the stored picture"):
            crop_jpeg(data, box)
    for box in ((0, 0, 4), (0, 0, 4, 4, 4), (0.0, 0, 4, 4), ("0", 0, 4, 4), 4):
        with pytest.raises(UsageError, match=r"expected four whole numbers: top, left, height"):
            crop_jpeg(data, box)
    with pytest.raises(UsageError, match="denominator 3; expected 1, 2, 4 or 8"):
        crop_jpeg(data, (0, 0, 4, 4), denominator=3)
    with pytest.raises(InputError, match="is a PNG; expected a JPEG"):
        crop_jpeg(saved(picture(8, 8), "PNG"), (0, 0, 4, 4))
    with pytest.raises(InputError, match="the JPEG is damaged"):
        crop_jpeg(data[:40], (0, 0, 4, 4))

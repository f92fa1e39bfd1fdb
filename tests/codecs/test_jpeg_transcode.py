"""A transcoded JPEG decodes to the same pixels, can be cropped, and opens anywhere."""

import io

import numpy as np
import pytest
from jpegcrops import SAMPLINGS, assert_exact, boxes
from jpegs import decoded, made_jpeg
from pictures import exif, picture, saved, segment, with_segments
from PIL import Image, ImageOps
from realdata import real_data

from fastdata.codecs import crop_jpeg, decode_image, probe, transcode_jpeg
from fastdata.errors import InputError, UsageError
from fastdata.native.extension import compiled

needs_core = pytest.mark.skipif(compiled() is None, reason="there is no compiled core here")


def frame_and_interval(data):
    """The marker of the frame header, and the restart interval."""
    at, interval = 2, 0
    while (marker := data[at + 1]) != 0xDA:
        if marker == 0xDD:
            interval = int.from_bytes(data[at + 4 : at + 6], "big")
        if marker in (0xC0, 0xC1, 0xC2):
            frame = marker
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return frame, interval


def assert_same_picture(data):
    found = transcode_jpeg(data)
    np.testing.assert_array_equal(decoded(found), decoded(data))
    before, after = probe(data), probe(found)
    assert after == before
    return found


@needs_core
@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
def test_pixels_stay_the_same_for_all_samplings_and_odd_sizes(sampling):
    for size in ((1, 1), (7, 9), (33, 130), (64, 96)):
        for adobe in (
            (None, 0, 1) if len(sampling) == 3 else (None, 2) if len(sampling) == 4 else (None,)
        ):
            data = made_jpeg(*size, sampling, interval=size[0] % 5, adobe=adobe)
            assert frame_and_interval(assert_same_picture(data))[0] == 0xC0


@needs_core
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_files_of_pillow_stay_the_same(mode, progressive):
    for height, width in ((1, 1), (45, 67), (120, 160)):
        image = Image.fromarray(picture(height, width)).convert(mode)
        for subsampling in (0, 1, 2):
            data = saved(image, "JPEG", progressive=progressive, subsampling=subsampling)
            found = assert_same_picture(data)
            assert frame_and_interval(found)[0] == 0xC0
            assert transcode_jpeg(found) == found


@needs_core
def test_wide_quantisation_tables_make_an_extended_file():
    tables = [[300] + [600] * 63] * 2
    data = saved(picture(40, 56), "JPEG", qtables=tables)
    assert frame_and_interval(data)[0] == 0xC1
    assert frame_and_interval(assert_same_picture(data))[0] == 0xC1


@needs_core
@pytest.mark.parametrize(
    ("width", "expected"), [(400, 5), (352, 4), (384, 6), (376, 1), (8, 1), (30, 4), (500, 3)]
)
def test_the_interval_is_the_largest_divisor_up_to_48_pixels(width, expected):
    data = saved(picture(40, width), "JPEG", subsampling=0)
    assert frame_and_interval(transcode_jpeg(data))[1] == expected
    assert frame_and_interval(transcode_jpeg(data, segment_width=8))[1] == 1
    halved = saved(picture(40, width * 2), "JPEG", subsampling=2)
    assert frame_and_interval(transcode_jpeg(halved, segment_width=96))[1] == expected


@needs_core
def test_crops_of_the_result_are_exact_and_small():
    for options in ({}, {"progressive": True}, {"subsampling": 0}):
        source = saved(picture(200, 320), "JPEG", **options)
        data = transcode_jpeg(source)
        for box in boxes(200, 320, 25):
            assert_exact(data, box)
        assert crop_jpeg(data, (60, 100, 20, 20)).width < 128


@needs_core
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_stays_and_nothing_else(orientation):
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="%d"/>' % orientation
    plain = saved(picture(40, 56), "JPEG")
    for part in (b"Exif\0\0" + exif(orientation, order="<") + bytes(900), xmp):
        noise = [segment(0xFE, b"a comment"), segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(500))]
        data = with_segments(plain, segment(0xE1, part), *noise)
        found = assert_same_picture(data)
        assert len(found) < len(plain) + 100
        image = Image.open(io.BytesIO(found))
        assert image.getexif().get(0x0112, 1) == orientation and not image.info.get("icc_profile")
        np.testing.assert_array_equal(
            np.asarray(ImageOps.exif_transpose(image)), decode_image(data, 3)
        )


@needs_core
def test_a_progressive_file_that_ends_early_stays_untouched():
    data = saved(picture(80, 120), "JPEG", progressive=True, quality=95)
    last_scan = data.rindex(b"\xff\xda")
    unfinished = data[:last_scan] + b"\xff\xd9"
    assert transcode_jpeg(unfinished) == unfinished


@needs_core
def test_the_slightest_damage_is_refused():
    data = saved(picture(80, 120), "JPEG")
    start = data.index(b"\xff\xda") + 14
    for damaged, words in {
        data[: len(data) // 2]: "premature end|Premature end",
        data[: start + 40] + b"\xff\xd3" + data[start + 42 :]: "is damaged",
        data[:start] + b"\xff\0" * 30 + data[start + 60 :]: "is damaged",
        b"\xff\xd8\xff\xd9": "is damaged",
    }.items():
        with pytest.raises(InputError, match=words):
            transcode_jpeg(damaged)
    with pytest.raises(InputError, match="looks like text"):
        transcode_jpeg(b"text")
    with pytest.raises(InputError, match="is a PNG; expected a JPEG"):
        transcode_jpeg(saved(picture(8, 8), "PNG"))
    with pytest.raises(UsageError, match="segment_width 0; expected 1 pixel or more"):
        transcode_jpeg(data, segment_width=0)


def test_without_a_core_it_says_what_to_do(monkeypatch):
    monkeypatch.setenv("FASTDATA_NATIVE", "off")
    with pytest.raises(UsageError, match="transcoding a JPEG needs the compiled core"):
        transcode_jpeg(saved(picture(8, 8), "JPEG"))


@needs_core
def test_photographs_and_their_crops_stay_the_same():
    files = sorted(real_data("photos").rglob("*.[jJ][pP]*"))
    for number, path in enumerate(files[::4]):
        found = assert_same_picture(path.read_bytes())
        header = probe(found)
        for box in boxes(header.height, header.width, 2, seed=number):
            assert_exact(found, box, (1, 2, 4, 8)[number % 4])


@needs_core
@pytest.mark.parametrize("folder", ["bad/jpeg", "bad/mixed"])
def test_bad_files_are_refused_or_stay_the_same(folder):
    for path in sorted(real_data(folder).iterdir()):
        data = path.read_bytes()
        try:
            found = transcode_jpeg(data)
        except InputError:
            continue
        pixels = decoded(found)
        # Pillow finds the end marker missing where libjpeg has all pixels before it looks for it.
        if data.endswith(b"\xff\xd9"):
            np.testing.assert_array_equal(pixels, decoded(data), err_msg=path.name)

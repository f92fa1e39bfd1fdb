"""Any part of any JPEG decodes to exactly what Pillow makes of the whole."""

import io

import numpy as np
import pytest
from decodingcore import boxes, cut, decoder, resampled_frame, whole
from pictures import exif, picture, saved, segment, with_segments
from PIL import Image

from fastdata.errors import InputError

SIZES = [(97, 131), (64, 96), (9, 17), (33, 50), (8, 8), (1, 1), (5, 3), (40, 4), (3, 70)]
RESTARTS = {
    "none": {},
    "rows": {"restart_marker_rows": 1},
    "blocks": {"restart_marker_blocks": 3},
    "every block": {"restart_marker_blocks": 1},
    "progressive": {"progressive": True},
}


def check_all_boxes(data, channels, seed=0):
    expected = whole(data, channels)
    cores = [decoder(), decoder(portable=True)]
    for i, box in enumerate(boxes(*expected.shape[:2], np.random.default_rng(seed))):
        pixels, window, denominator = cores[i % 2].pixels(data, channels, box)
        assert window == box
        assert denominator == 1
        np.testing.assert_array_equal(pixels, cut(expected, box), err_msg=str(box))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("options", RESTARTS.values(), ids=RESTARTS)
def test_every_part_equals_the_whole_pictures(size, sampling, options):
    data = saved(picture(*size), "JPEG", quality=90, subsampling=sampling, **options)
    check_all_boxes(data, 3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("options", RESTARTS.values(), ids=RESTARTS)
def test_gray_and_colour_are_converted_as_pillow_does(channels, options):
    check_all_boxes(saved(picture(50, 45, 1), "JPEG", **options), channels)
    check_all_boxes(saved(picture(50, 45, 3), "JPEG", **options), channels)


@pytest.mark.parametrize("quality", [1, 30, 100])
def test_coarse_and_fine_coefficients_are_exact(quality):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (64, 80, 3), dtype=np.uint8)
    extremes = (noise > 127).astype(np.uint8) * 255
    for pixels in (noise, extremes):
        check_all_boxes(saved(pixels, "JPEG", quality=quality, optimize=True), 3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("written", "claimed", "size"),
    [
        ("4:2:2", (1, 2), (96, 80)),
        ("4:2:0", (4, 1), (40, 192)),
        ("4:2:0", (1, 4), (160, 48)),
    ],
)
def test_rare_sampling_is_exact(written, claimed, size, channels):
    data = saved(picture(80, 96), "JPEG", subsampling=written)
    check_all_boxes(resampled_frame(data, claimed, size), channels)


def test_colours_follow_jfif_then_adobe_then_component_names():
    adobe_rgb = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    jfif = saved(picture(40, 48), "JPEG", subsampling="4:4:4")
    bare = jfif[:2] + jfif[2 + 2 + 16 :]
    in_frame = bare.replace(b"\x01\x11\0\x02\x11\x01\x03\x11\x01", b"R\x11\0G\x11\x01B\x11\x01")
    named = in_frame.replace(b"\x03\x01\0\x02\x11\x03\x11", b"\x03R\0G\x11B\x11")
    assert b"JFIF" not in bare
    assert named != in_frame != bare
    for data in (with_segments(jfif, adobe_rgb), with_segments(bare, adobe_rgb), bare, named):
        check_all_boxes(data, 3)


def test_one_files_tables_never_serve_another():
    core = decoder()
    with_tables = saved(picture(32, 32), "JPEG")
    core.pixels(with_tables, 3, (0, 0, 32, 32))
    quantisers = with_tables.index(b"\xff\xdb")
    lacking = with_tables[:quantisers] + with_tables[quantisers + 2 + 67 :]
    with pytest.raises(InputError, match="Quantization table 0x00 was not defined"):
        core.pixels(lacking, 3, (0, 0, 32, 32))


def test_the_header_is_told_before_decoding():
    data = saved(picture(30, 20), "JPEG")
    assert decoder().open(data) == (30, 20, 1)
    turned = with_segments(data, segment(0xE1, b"Exif\0\0" + exif(6)))
    assert decoder().open(turned) == (30, 20, 6)


@pytest.mark.parametrize("options", RESTARTS.values(), ids=RESTARTS)
def test_data_cut_off_before_the_wanted_rows_are_an_error(options):
    data = saved(picture(96, 96), "JPEG", **options)
    with pytest.raises(InputError, match=r"the JPEG is damaged .*; replace the file or leave it"):
        decoder().pixels(data[: len(data) * 2 // 3], 3, (0, 0, 96, 96))


def test_only_the_end_marker_may_be_missing():
    data = saved(picture(96, 96), "JPEG")
    pixels, _, _ = decoder().pixels(data[:-2], 3, (0, 0, 96, 96))
    np.testing.assert_array_equal(pixels, whole(data, 3))


def test_a_warning_of_libjpegs_is_an_error():
    data = saved(picture(96, 96), "JPEG", restart_marker_rows=1)
    second = data.index(b"\xff\xd1")
    extra = data[:second] + b"\0\0\0\0" + data[second:]
    with pytest.raises(InputError, match="4 extraneous bytes before marker 0xd1"):
        decoder().pixels(extra, 3, (0, 0, 96, 96))


def test_four_components_are_left_to_the_twin():
    data = saved(Image.new("CMYK", (16, 16)), "JPEG")
    with pytest.raises(RuntimeError, match="four components"):
        decoder().open(data)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("denominator", [2, 4, 8])
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0", "gray"])
@pytest.mark.parametrize("size", [(97, 131), (64, 96), (33, 50), (8, 8), (1, 1)], ids=str)
def test_a_smaller_pictures_pixels_are_means(size, sampling, denominator, channels):
    options = {} if sampling == "gray" else {"subsampling": sampling}
    data = saved(picture(*size, 1 if sampling == "gray" else 3), "JPEG", quality=95, **options)
    smaller, _, _ = decoder().pixels(data, channels, (0, 0, *size), denominator)
    with Image.open(io.BytesIO(data)) as image:
        means = np.asarray(image.convert("RGB" if channels == 3 else "L").reduce(denominator))
    # Pillow's are of chroma that was smoothed before.
    assert np.abs(smaller - means.reshape(smaller.shape).astype(int)).mean() < 3
    for box in boxes(*size, np.random.default_rng(0), count=10):
        pixels, window, found = decoder().pixels(data, channels, box, denominator)
        top, left = box[0] // denominator, box[1] // denominator
        bottom, right = -(-(box[0] + box[2]) // denominator), -(-(box[1] + box[3]) // denominator)
        assert (window, found) == ((top, left, bottom - top, right - left), denominator)
        np.testing.assert_array_equal(pixels, smaller[top:bottom, left:right])


@pytest.mark.parametrize("denominator", [2, 4, 8])
def test_libjpegs_smaller_pictures_serve_progressive_files(denominator):
    data = saved(picture(96, 80), "JPEG", quality=95, progressive=True)
    means = np.asarray(Image.fromarray(whole(data, 3)).reduce(denominator))
    pixels, _, found = decoder().pixels(data, 3, (0, 0, 96, 80), denominator)
    assert found == denominator
    assert np.abs(pixels - means.astype(int)).mean() < 4

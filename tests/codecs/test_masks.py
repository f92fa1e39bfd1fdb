"""Class ids come back exactly as they were written, whatever the PNG they lie in."""

import numpy as np
import pytest
from pictures import chunk, picture, rows_png, saved
from PIL import Image
from realdata import real_data

from fastdata.codecs import decode_image, decode_mask, encode_jpeg, encode_mask_png, encode_png
from fastdata.errors import InputError, LabelError, UsageError

GAMMA = chunk(b"gAMA", (45455 * 2).to_bytes(4, "big"))
NOTES = Image.Exif()
NOTES[0x0112] = 6


def ids(height, width, top=256, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, top, (height, width)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (13, 7), (1, 300)], ids=str)
def test_masks_round_trip(dtype, size):
    mask = ids(*size, top=np.iinfo(dtype).max + 1, dtype=dtype)
    found = decode_mask(encode_mask_png(mask))
    np.testing.assert_array_equal(found, mask)
    assert found.dtype == dtype and found.flags.writeable


def test_masks_of_other_byte_orders_and_strides_are_written_right():
    mask = ids(9, 14, top=65536, dtype=np.uint16)
    for variant in (mask.astype(">u2"), np.asfortranarray(mask), mask.repeat(2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(decode_mask(encode_mask_png(variant)), mask)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("colour", [0, 3])
def test_ids_of_few_bits_are_neither_stretched_nor_gamma_changed(bits, colour):
    mask = ids(6, 16, top=2**bits)
    width = 8 // bits
    weights = 2 ** (bits * np.arange(width - 1, -1, -1))
    rows = (mask.reshape(6, -1, width) * weights).sum(axis=2).astype(np.uint8)
    palette = chunk(b"PLTE", bytes(range(200, 248)))
    transparent = chunk(b"tRNS", b"\0" * (2 if colour == 0 else 1))
    data = rows_png(rows, GAMMA, palette, transparent, bits=bits, colour=colour)
    np.testing.assert_array_equal(decode_mask(data), mask)


def test_a_mask_is_turned_like_its_image():
    mask = ids(8, 12)
    turned = decode_mask(saved(mask, "PNG", exif=NOTES))
    np.testing.assert_array_equal(turned, np.rot90(mask, -1))
    np.testing.assert_array_equal(turned, decode_image(saved(mask, "PNG", exif=NOTES), 1)[:, :, 0])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_colours_are_no_class_ids(mode):
    with pytest.raises(LabelError, match=f"mode {mode}; expected one number a pixel"):
        decode_mask(saved(Image.new(mode, (4, 4)), "PNG"))


def test_jpegs_are_no_masks():
    with pytest.raises(LabelError, match="JPEG, whose compression alters class ids"):
        decode_mask(saved(ids(8, 8), "JPEG"))


def test_the_masks_of_camvid():
    for path in sorted(real_data("camvid").glob("masks/*.png"))[::10]:
        with Image.open(path) as image:
            np.testing.assert_array_equal(decode_mask(path.read_bytes()), np.asarray(image))


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_round_trip(channels):
    pixels = picture(33, 21, channels)
    np.testing.assert_array_equal(decode_image(encode_png(pixels), channels), pixels)
    close = decode_image(encode_jpeg(pixels, 95), channels)
    assert np.abs(close.astype(int) - pixels).mean() < 6
    assert len(encode_jpeg(pixels, 20)) < len(encode_jpeg(pixels, 95))


def test_gray_pictures_may_lack_their_channel_axis():
    pixels = picture(5, 9, 1)
    assert encode_png(pixels[:, :, 0]) == encode_png(pixels)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(7, np.uint8),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(wrong):
    for encode in (encode_png, lambda pixels: encode_jpeg(pixels, 90)):
        with pytest.raises(InputError, match="expected uint8"):
            encode(wrong)
    with pytest.raises(LabelError, match="expected uint8 or uint16"):
        encode_mask_png(wrong)


def test_a_picture_too_wide_for_jpeg_is_refused_without_a_sound(capfd):
    with pytest.raises(
        InputError, match="70000 x 1 pixels cannot be written as JPEG; expected at most 65500"
    ):
        encode_jpeg(np.zeros((1, 70_000), np.uint8), 90)
    assert capfd.readouterr() == ("", "")


def test_wrong_arguments_are_refused():
    pixels = picture(4, 4)
    for quality in (0, 101):
        with pytest.raises(UsageError, match=f"quality {quality}; expected 1 to 100"):
            encode_jpeg(pixels, quality)
    with pytest.raises(UsageError, match="4 channels was asked for"):
        decode_image(encode_png(pixels), 4)

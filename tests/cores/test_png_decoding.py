"""Any part of a plain PNG decodes to what the twin makes of it; all others are left to the twin."""

import itertools
import zlib

import numpy as np
import pytest
from decodingcore import boxes, cut, decoder
from pictures import chunk, exif, picture, png, png_header, saved

from fastdata.codecs import decode_image, decode_mask
from fastdata.cores import core
from fastdata.errors import InputError

pytestmark = pytest.mark.skipif(
    "libdeflate" not in core().NAME, reason="built without libdeflate: the twin decodes PNGs"
)

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [
    *((bits, 0) for bits in (1, 2, 4, 8, 16)),
    *((bits, 3) for bits in (1, 2, 4, 8)),
    *((bits, colour) for colour in (2, 4, 6) for bits in (8, 16)),
]
SIZES = [(13, 21), (1, 1), (5, 1), (1, 9), (40, 33)]


def made_png(size, bits, colour, *, seed=0, colours=256, filters=range(5), chunks=1):
    """Any bytes are a picture, whatever filters they claim to be the result of."""
    rng = np.random.default_rng(seed)
    height, width = size
    row_bytes = (width * bits * SAMPLES[colour] + 7) // 8
    rows = rng.integers(0, 256, (height, row_bytes + 1), dtype=np.uint8)
    rows[:, 0] = rng.choice(list(filters), height)
    stream = zlib.compress(rows.tobytes(), 1)
    cuts = np.linspace(0, len(stream), chunks + 1).astype(int)
    data = [chunk(b"IDAT", stream[a:b]) for a, b in itertools.pairwise(cuts)]
    palette = rng.integers(0, 256, 3 * min(colours, 1 << bits), dtype=np.uint8).tobytes()
    more = [chunk(b"PLTE", palette)] if colour == 3 else []
    return png(png_header(height, width, bits, colour), *more, *data, chunk(b"IEND", b""))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("bits", "colour"), KINDS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_images_are_converted_as_the_twin_does(size, bits, colour, channels):
    data = made_png(size, bits, colour)
    expected = decode_image(data, channels)
    core = decoder()
    assert core.open(data) == (*size, 1)
    for box in boxes(*size, np.random.default_rng(1), count=10):
        pixels, window, denominator = core.pixels(data, channels, box, 8)
        assert (window, denominator) == (box, 1)
        np.testing.assert_array_equal(pixels, cut(expected, box), err_msg=str(box))


@pytest.mark.parametrize(("bits", "colour"), [kind for kind in KINDS if kind[1] in (0, 3)])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_ids_are_those_of_the_file(size, bits, colour):
    data = made_png(size, bits, colour)
    expected = decode_mask(data)
    for box in boxes(*size, np.random.default_rng(1), count=10):
        ids = decoder().ids(data, box)
        assert ids.dtype == expected.dtype
        np.testing.assert_array_equal(ids[:, :, 0], cut(expected, box))


@pytest.mark.parametrize("filter_of_rows", range(5))
@pytest.mark.parametrize(("bits", "colour"), [(8, 0), (8, 2), (8, 6), (16, 2), (16, 6), (2, 3)])
def test_each_filter_is_undone(filter_of_rows, bits, colour):
    data = made_png((30, 37), bits, colour, filters=[filter_of_rows])
    pixels, _, _ = decoder().pixels(data, 3, (0, 0, 30, 37))
    np.testing.assert_array_equal(pixels, decode_image(data, 3))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_short_palette_is_completed_as_the_twin_does(channels):
    data = made_png((20, 20), 8, 3, colours=5)
    pixels, _, _ = decoder().pixels(data, channels, (0, 0, 20, 20))
    np.testing.assert_array_equal(pixels, decode_image(data, channels))


def test_pixels_may_come_in_many_chunks():
    data = made_png((40, 33), 8, 2, chunks=7)
    pixels, _, _ = decoder().pixels(data, 3, (0, 0, 40, 33))
    np.testing.assert_array_equal(pixels, decode_image(data, 3))


def test_orientation_comes_from_exif():
    data = saved(picture(12, 10), "PNG")
    turned = data[:33] + chunk(b"eXIf", exif(8)) + data[33:]
    assert decoder().open(turned) == (12, 10, 8)


def test_a_size_over_the_limit_is_refused_before_memory_is_taken():
    data = png(png_header(60_000, 60_000), chunk(b"IDAT", b""), chunk(b"IEND", b""))
    with pytest.raises(InputError, match="60000 x 60000 pixels; the limit is 89478485"):
        decoder().open(data)


def odd_files():
    plain = made_png((9, 9), 8, 2)
    inside, last = plain.index(b"IDAT") + 20, len(plain) - 12
    stream = zlib.compress(bytes(9 * 28), 1)
    whole = [png_header(9, 9, 8, 2), chunk(b"IEND", b"")]
    return {
        "interlaced": png(png_header(9, 9, 8, 2, interlace=1), chunk(b"IDAT", stream), whole[1]),
        "metadata in text": plain[:33] + chunk(b"tEXt", b"exif\0") + plain[33:],
        "a wrong checksum": plain[:inside] + bytes((plain[inside] ^ 1,)) + plain[inside + 1 :],
        "cut off in a chunk": plain[: inside + 4],
        "cut off between chunks": plain[:last],
        "no pixels": png(*whole),
        "pixels end early": png(whole[0], chunk(b"IDAT", zlib.compress(bytes(8 * 28))), whole[1]),
        "more than the pixels": png(whole[0], chunk(b"IDAT", zlib.compress(bytes(500))), whole[1]),
        "no stream": png(whole[0], chunk(b"IDAT", b"no zlib"), whole[1]),
        "unknown filter": made_png((9, 9), 8, 2, filters=[5]),
        "3 bits": png(png_header(9, 9, 3, 0), chunk(b"IDAT", stream), whole[1]),
        "no palette": png(png_header(9, 9, 8, 3), chunk(b"IDAT", stream), whole[1]),
        "a GIF": b"GIF89a" + bytes(100),
    }


@pytest.mark.parametrize("data", odd_files().values(), ids=odd_files())
def test_whatever_is_odd_is_left_to_the_twin(data):
    with pytest.raises(RuntimeError):
        decoder().pixels(data, 3, (0, 0, 9, 9))


@pytest.mark.parametrize("colour", [2, 4, 6])
def test_masks_of_colours_are_left_to_the_twin(colour):
    with pytest.raises(RuntimeError, match="several samples"):
        decoder().ids(made_png((9, 9), 8, colour), (0, 0, 9, 9))

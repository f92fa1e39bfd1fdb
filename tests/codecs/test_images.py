"""Images come out as Pillow's own, upright, whatever kind of JPEG or PNG they are."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pictures import (
    as_pillow_sees,
    chunk,
    exif,
    picture,
    rows_png,
    saved,
    segment,
    with_segments,
)
from PIL import Image
from realdata import real_data

from fastdata.codecs import decode_image, probe

XMP = b'<rdf:Description tiff:Orientation="6"/>'


def check_like_pillow(data):
    header = probe(data)
    for channels in (3, 1):
        found = decode_image(data, channels)
        np.testing.assert_array_equal(found, as_pillow_sees(data, channels))
        assert found.dtype == np.uint8 and found.flags.writeable
        assert (header.height, header.width) == found.shape[:2]
    return header


JPEGS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "without subsampling": {"subsampling": 0},
    "restart markers": {"restart_marker_rows": 1},
    "optimised": {"optimize": True},
}


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("size", [(64, 96), (37, 53), (1, 1), (8, 1)], ids=str)
def test_jpegs_of_every_kind(options, size):
    header = check_like_pillow(saved(picture(*size), "JPEG", **options))
    assert (header.format, header.channels, header.bits, header.mode) == ("jpeg", 3, 8, "RGB")


def test_gray_and_cmyk_jpegs():
    gray = check_like_pillow(saved(picture(40, 30, 1), "JPEG"))
    assert (gray.channels, gray.mode) == (1, "L")
    cmyk = check_like_pillow(saved(Image.fromarray(picture(40, 30)).convert("CMYK"), "JPEG"))
    assert (cmyk.channels, cmyk.mode) == (4, "CMYK")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA"])
def test_pngs_of_every_mode(mode):
    image = Image.fromarray(picture(21, 34)).convert("RGBA" if "A" in mode else "RGB").convert(mode)
    header = check_like_pillow(saved(image, "PNG"))
    assert (header.format, header.mode, header.bits) == ("png", mode, 8)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_pngs_of_few_bits(bits):
    rows = np.random.default_rng(0).integers(0, 256, (9, 5), dtype=np.uint8)
    check_like_pillow(rows_png(rows, bits=bits))
    palette = chunk(b"PLTE", bytes(range(48)))
    check_like_pillow(rows_png(rows, palette, bits=bits, colour=3))


def test_palettes_with_transparency_and_too_few_colours():
    rows = np.arange(48, dtype=np.uint8).reshape(6, 8)
    palette = chunk(b"PLTE", bytes(range(90, 150)))
    transparent = chunk(b"tRNS", bytes([255] * 5 + [0] + [255] * 14))
    check_like_pillow(rows_png(rows, palette, colour=3))
    check_like_pillow(rows_png(rows, palette, transparent, colour=3))


def test_sixteen_bits_keep_the_high_byte():
    values = np.random.default_rng(0).integers(0, 65536, (12, 7), dtype=np.uint16)
    data = saved(values, "PNG")
    assert probe(data).bits == 16
    np.testing.assert_array_equal(decode_image(data, 1)[:, :, 0], values >> 8)
    np.testing.assert_array_equal(decode_image(data, 3), np.repeat(values[:, :, None] >> 8, 3, 2))


@pytest.mark.parametrize(("colour", "samples"), [(2, 3), (4, 2), (6, 4)])
def test_sixteen_bit_colours_and_alpha(colour, samples):
    values = np.random.default_rng(0).integers(0, 65536, (12, 7 * samples), dtype=np.uint16)
    rows = values.astype(">u2").view(np.uint8)
    assert check_like_pillow(rows_png(rows, bits=16, colour=colour)).bits == 16


def test_interlaced_png_of_the_real_set():
    for path in sorted(real_data("bad/mixed").glob("*_trns.png")):
        if path.name != "i_trns.png":
            check_like_pillow(path.read_bytes())


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientations_stand_upright(kind, orientation):
    notes = Image.Exif()
    notes[0x0112] = orientation
    header = check_like_pillow(saved(picture(24, 40), kind, exif=notes))
    assert header.orientation == orientation
    assert (header.height, header.width) == ((24, 40) if orientation < 5 else (40, 24))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [1, 3, 4, 5, 6, 8, 9, 11, 12])
@pytest.mark.parametrize("value", [0, 6, 9])
def test_orientations_of_any_number_type(kind, order, value):
    block = exif(value, order=order, kind=kind)
    base = saved(picture(16, 24), "JPEG", dpi=(72, 72))
    check_like_pillow(with_segments(base, base[2:20], segment(0xE1, b"Exif\0\0" + block)))


def test_orientation_in_two_parts_and_twice_prefixed():
    base, block = saved(picture(16, 24), "JPEG", dpi=(72, 72)), exif(8)
    parts = [segment(0xE1, b"Exif\0\0" + part) for part in (block[:14], block[14:])]
    assert check_like_pillow(with_segments(base, *parts)).orientation == 8
    doubled = segment(0xE1, b"Exif\0\0Exif\0\0" + block)
    assert check_like_pillow(with_segments(base, doubled)).orientation == 8


def test_xmp_speaks_only_where_exif_is_silent():
    base = saved(picture(16, 24), "JPEG", dpi=(72, 72))
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
    assert check_like_pillow(with_segments(base, xmp)).orientation == 6
    both = with_segments(base, segment(0xE1, b"Exif\0\0" + exif(3)), xmp)
    assert check_like_pillow(both).orientation == 3


def test_orientation_in_the_text_chunks_of_png():
    rows = picture(8, 12, 1)[:, :, 0]
    hexadecimal = b"\nexif\n     30\n" + (b"Exif\0\0" + exif(5)).hex().encode()
    profile = chunk(b"tEXt", b"Raw profile type exif\0" + hexadecimal)
    xmp = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
    assert check_like_pillow(rows_png(rows, profile)).orientation == 5
    assert check_like_pillow(rows_png(rows, xmp)).orientation == 6
    assert check_like_pillow(rows_png(rows, chunk(b"eXIf", exif(7)), profile)).orientation == 7


BAD_EXIF = {
    "empty": b"",
    "no TIFF": b"no such thing at all",
    "cut header": exif(6)[:6],
    "cut entry": exif(6)[:15],
    "offset outside": b"MM\0*\xff\xff\xff\xff" + exif(6)[8:],
    "value outside": exif(6, kind=4, count=9)[:40],
    "unknown type": exif(6).replace(b"\x01\x12\0\x03", b"\x01\x12\0\x63"),
    "no values": exif(6).replace(b"\0\x03\0\0\0\x01", b"\0\x03\0\0\0\0"),
    "fraction": exif(6, kind=5)[:-4] + b"\0\0\0\x04",
    "divided by zero": exif(6, kind=5)[:-4] + b"\0\0\0\0",
    "not a number": exif(0, kind=11)[:18] + b"\x7f\xc0\0\0" + exif(0, kind=11)[22:],
    "endless": exif(6, kind=12)[:-8] + b"\x7f\xf0\0\0\0\0\0\0",
}


@pytest.mark.parametrize("block", BAD_EXIF.values(), ids=BAD_EXIF)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_bad_exif_is_harmless(kind, block):
    plain = saved(picture(16, 24), kind)
    if kind == "JPEG":
        data = with_segments(plain, segment(0xE1, b"Exif\0\0" + block))
    else:
        data = plain[:33] + chunk(b"eXIf", block) + plain[33:]
    assert probe(data).orientation == 1
    np.testing.assert_array_equal(decode_image(data, 3), as_pillow_sees(plain, 3))


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_any_bytes_like_object_will_do(wrap, kind):
    data = saved(picture(16, 24), kind, **({"progressive": True} if kind == "JPEG" else {}))
    assert probe(wrap(data)) == probe(data)
    np.testing.assert_array_equal(decode_image(wrap(data), 3), decode_image(data, 3))


def test_decoding_in_threads_gives_the_same():
    files = [saved(picture(60, 80, seed=i), ("JPEG", "PNG")[i % 2]) for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda data: decode_image(data, 3), files))
    for data, pixels in zip(files, found, strict=True):
        np.testing.assert_array_equal(pixels, as_pillow_sees(data, 3))


def test_an_animation_gives_its_first_picture():
    frames = [Image.fromarray(picture(12, 16, seed=i)) for i in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    check_like_pillow(file.getvalue())


def test_every_tenth_real_photo():
    for path in sorted(real_data("photos").glob("*/*"))[::10]:
        check_like_pillow(path.read_bytes())


def test_the_usable_files_of_the_real_bad_set():
    names = ("exif*.png", "exif*.jpg", "hopper_orientation_*.jpg", "pil_sample_cmyk.jpg", "p*.png")
    paths = [path for name in names for path in sorted(real_data("bad/mixed").glob(name))]
    for path in paths:
        data = path.read_bytes()
        found = decode_image(data, 3)
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            image.load()
        if "typeerror" not in path.name and "offset" not in path.name:
            np.testing.assert_array_equal(found, as_pillow_sees(data, 3))

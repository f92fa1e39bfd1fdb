"""Whatever bytes come, the answer is pixels or an InputError that says what is wrong."""

import resource
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import (
    as_pillow_sees,
    chunk,
    picture,
    png,
    png_header,
    rows_png,
    saved,
    segment,
    with_segments,
)
from PIL import Image
from realdata import real_data

from fastdata.codecs import Limits, decode_image, decode_mask, probe
from fastdata.errors import InputError

JPEG = saved(picture(48, 64), "JPEG")
PROGRESSIVE = saved(picture(48, 64), "JPEG", progressive=True)
PNG = saved(picture(48, 64), "PNG")
FILES = {"jpeg": JPEG, "progressive": PROGRESSIVE, "png": PNG}

LOOKS = {
    "an empty file": b"",
    "unknown data": b"\x07",
    "an HTML page": b"\r\n <!DOCTYPE html><html><body>404",
    "an SVG image": b"<svg xmlns='x'/>",
    "a TIFF image": saved(picture(8, 8), "TIFF"),
    "a GIF image": saved(Image.new("P", (8, 8)), "GIF"),
    "a BMP image": saved(picture(8, 8), "BMP"),
    "a WebP image": saved(picture(8, 8), "WEBP"),
    "a netpbm image": saved(picture(8, 8), "PPM"),
    "a PostScript file": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
    "zero bytes": bytes(4096),
    "text": b"width,height\n3,4\n",
    "cut off or damaged in its first bytes": JPEG[:2],
}


@pytest.mark.parametrize(("words", "data"), LOOKS.items(), ids=LOOKS)
def test_what_is_no_jpeg_or_png_is_named(words, data):
    for read in (probe, decode_mask, lambda data: decode_image(data, 3)):
        with pytest.raises(InputError, match="looks like .*" + words):
            read(data)


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_every_truncation_is_refused(data):
    # The two bytes of the end marker carry no pixels; without them a JPEG is whole.
    last = len(data) - (2 if data is not PNG else 0)
    for end in [*range(0, 60), *range(60, last, 97), last - 1]:
        with pytest.raises(InputError):
            decode_image(data[:end], 3)


def test_a_jpeg_without_its_end_marker_is_judged_as_by_pillow():
    for seed in range(20):
        data = saved(picture(90, 120, seed=seed), "JPEG")
        try:
            expected = as_pillow_sees(data[:-2], 3)
        except OSError:
            with pytest.raises(InputError, match="cut off"):
                decode_image(data[:-2], 3)
        else:
            np.testing.assert_array_equal(decode_image(data[:-2], 3), expected)


def test_every_wrong_checksum_of_a_png_is_refused():
    at = 8
    while at < len(PNG):
        length = int.from_bytes(PNG[at : at + 4], "big")
        damaged = bytearray(PNG)
        damaged[at + 11 + length] ^= 1
        with pytest.raises(InputError, match="checksum of chunk"):
            decode_image(bytes(damaged), 3)
        at += 12 + length


def test_a_png_whose_rows_end_early_is_refused():
    rows = b"".join(b"\0" + bytes(16) for _ in range(9))
    header, end = png_header(10, 16), chunk(b"IEND", b"")
    short = png(header, chunk(b"IDAT", zlib.compress(rows)), end)
    with pytest.raises(InputError, match="end early"):
        decode_image(short, 1)
    whole = png(header, chunk(b"IDAT", zlib.compress(rows + bytes(17))), end)
    assert not decode_image(whole, 1).any()
    interlaced = png(png_header(10, 16, interlace=1), chunk(b"IDAT", zlib.compress(rows)), end)
    with pytest.raises(InputError, match="the PNG is damaged"):
        decode_image(interlaced, 1)


BROKEN_PNGS = {
    "no header": png(chunk(b"IDAT", b""), chunk(b"IEND", b"")),
    "short header": png(chunk(b"IHDR", bytes(5)), chunk(b"IEND", b"")),
    "no such depth": png(png_header(4, 4, bits=3), chunk(b"IEND", b"")),
    "no such interlace": png(png_header(4, 4, interlace=7), chunk(b"IEND", b"")),
    "no pixels": png(png_header(4, 4), chunk(b"IEND", b"")),
    "no palette": rows_png(np.zeros((4, 4), np.uint8), colour=3),
    "long palette": rows_png(np.zeros((4, 4), np.uint8), chunk(b"PLTE", bytes(771)), colour=3),
    "no deflate": png(png_header(4, 4), chunk(b"IDAT", b"junk" * 9), chunk(b"IEND", b"")),
    "endless chunk": png(png_header(4, 4)) + b"\xff\xff\xff\xffIDAT" + bytes(50),
}


@pytest.mark.parametrize("data", BROKEN_PNGS.values(), ids=BROKEN_PNGS)
def test_broken_pngs_are_refused(data):
    with pytest.raises(InputError, match="the PNG is damaged"):
        decode_image(data, 1)


def frame(marker=0xC0, bits=8, height=16, width=16, components=1):
    parts = b"".join(bytes((i + 1, 0x11, 0)) for i in range(components))
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return segment(marker, bytes((bits,)) + size + bytes((components,)) + parts)


SCAN = segment(0xDA, bytes((1, 1, 0, 0, 63, 0)))
UNSUPPORTED = {
    "12-bit": frame(0xC1, bits=12),
    "lossless": frame(0xC3),
    "hierarchical": frame(0xC5),
    "arithmetic-coded": frame(0xC9),
    "arithmetic-coded progressive": frame(0xCA),
    "2 components": frame(components=2),
}


@pytest.mark.parametrize(("kind", "sof"), UNSUPPORTED.items(), ids=UNSUPPORTED)
def test_unsupported_jpegs_are_named(kind, sof):
    data = b"\xff\xd8" + sof + SCAN + bytes(40)
    for read in (probe, lambda data: decode_image(data, 3)):
        with pytest.raises(InputError, match=f"unsupported: .*{kind}"):
            read(data)


BROKEN_JPEGS = {
    "no frame": b"\xff\xd8" + SCAN + bytes(40),
    "two frames": b"\xff\xd8" + frame() + frame() + SCAN,
    "no scan": b"\xff\xd8" + frame() + b"\xff\xd9",
    "short segment": b"\xff\xd8\xff\xe0\0\1" + JPEG[2:],
    "short frame": b"\xff\xd8" + frame(components=3)[:-3] + JPEG[2:],
    "endless segments": b"\xff\xd8" + b"\xff\xfe\0\2" * 300_000 + JPEG[2:],
}


@pytest.mark.parametrize("data", BROKEN_JPEGS.values(), ids=BROKEN_JPEGS)
def test_broken_jpegs_are_refused(data):
    with pytest.raises(InputError, match="the JPEG is damaged"):
        decode_image(data, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + frame(height=65500, width=65500) + SCAN + bytes(40),
        b"\xff\xd8" + frame(height=0) + SCAN + bytes(40),
        b"\xff\xd8" + frame(height=65501, width=1) + SCAN + bytes(40),
        png(png_header(65500, 65500), chunk(b"IEND", b"")),
        png(png_header(0, 4), chunk(b"IEND", b"")),
        png(png_header(2**31, 1), chunk(b"IEND", b"")),
    ],
)
def test_sizes_beyond_the_limits_are_refused_by_the_header(data):
    for read in (probe, lambda data: decode_image(data, 3)):
        with pytest.raises(InputError, match="the header says"):
            read(data)


def test_limits_are_the_callers():
    small = Limits(max_pixels=48 * 64 - 1)
    with pytest.raises(InputError, match="64 x 48 pixels; the limit is 3071"):
        decode_image(JPEG, 3, limits=small)
    with pytest.raises(InputError, match="limit is 3 scans"):
        probe(PROGRESSIVE, limits=Limits(max_scans=3))
    with pytest.raises(InputError, match="20000 pixels over all"):
        probe(PROGRESSIVE, limits=Limits(max_scan_pixels=20_000))
    assert probe(PROGRESSIVE, limits=Limits(max_scans=12)).width == 64


@pytest.mark.parametrize("hidden_behind", [b"", segment(0xC4, b"\xff\xd9" * 8), b"\xff\xd0\xff\0"])
def test_progressive_bombs_are_counted_before_decoding(hidden_behind):
    start = PROGRESSIVE.index(b"\xff\xda")
    scan = hidden_behind + PROGRESSIVE[start:].split(b"\xff\xc4")[0]
    bomb = PROGRESSIVE[:start] + scan * 10_000 + b"\xff\xd9"
    with pytest.raises(InputError, match="scans of 64 x 48 pixels; the limit is 100 scans"):
        decode_image(bomb, 3)


def test_repeated_scans_of_a_sequential_jpeg_are_counted_too():
    data = b"\xff\xd8" + frame(components=3) + (SCAN + b"\0") * 200 + b"\xff\xd9"
    with pytest.raises(InputError, match="200 scans"):
        decode_image(data, 3)


def test_compressed_text_is_never_inflated_beyond_a_megabyte():
    bomb = zlib.compress(bytes(200 << 20))
    texts = [
        chunk(b"zTXt", b"Raw profile type exif\0\0" + bomb),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
        chunk(b"zTXt", b"Comment\0\0" + bomb),
        chunk(b"iCCP", b"profile\0\0" + bomb),
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    data = rows_png(np.full((4, 4), 7, np.uint8), *texts * 5)
    assert decode_image(data, 1)[0, 0, 0] == 7
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_trailing_bytes_and_wrong_names_do_no_harm():
    for data in FILES.values():
        np.testing.assert_array_equal(decode_image(data + b"junk" * 99, 3), decode_image(data, 3))


def test_padding_and_junk_between_segments_do_no_harm():
    padded = JPEG[:2] + b"\xff\xff\xff" + JPEG[2:20] + b"\0junk" + JPEG[20:]
    np.testing.assert_array_equal(decode_image(padded, 3), decode_image(JPEG, 3))
    commented = with_segments(JPEG, segment(0xFE, b"\xff\xda\xff\xc0"), segment(0xE2, b"MPF\0junk"))
    np.testing.assert_array_equal(decode_image(commented, 3), decode_image(JPEG, 3))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_mutated_files_give_pixels_or_an_input_error(kind, changes):
    data = bytearray(FILES[kind])
    for at, value in changes:
        data[at % len(data)] = value
    for read in (lambda: decode_image(bytes(data), 3), lambda: decode_mask(bytes(data))):
        try:
            pixels = read()
        except InputError:
            continue
        assert pixels.dtype in (np.uint8, np.uint16)


# In a process of its own: a signal there is a failure here, and memory is held to 1 GB.
READ_ALL = """
import resource, sys
from pathlib import Path
from fastdata.codecs import decode_image, decode_mask, probe
from fastdata.errors import InputError
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
usable = 0
for name in sys.argv[1:]:
    for path in sorted(Path(name).iterdir()):
        for channels in (1, 3):
            try:
                pixels = decode_image(path.read_bytes(), channels)
                header = probe(path.read_bytes())
                assert pixels.shape == (header.height, header.width, channels)
                usable += 1
            except InputError as error:
                assert len(str(error)) > 20
        try:
            decode_mask(path.read_bytes())
        except InputError:
            pass
print(usable)
"""


def test_every_malformed_file_gives_pixels_or_an_input_error():
    folders = [str(real_data("bad/jpeg")), str(real_data("bad/mixed"))]
    command = [sys.executable, "-W", "error", "-c", READ_ALL, *folders]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 90


def test_the_real_truncated_files_are_refused():
    for name in ("truncated_jpeg.jpg", "truncated_image.png", "truncated_end_chunk.png"):
        with pytest.raises(InputError):
            decode_image((real_data("bad/mixed") / name).read_bytes(), 3)

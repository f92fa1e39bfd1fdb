"""Bytes made to do harm: headers that lie, bombs, and bad records among good ones in a batch."""

import json
import os
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from decodingcore import boxes, cut, decoder, whole
from jpegs import made_jpeg
from pictures import chunk, picture, png, png_header, saved, segment, with_segments
from realdata import real_data

from fastdata.cores import FieldBatch
from fastdata.errors import InputError, PackCorrupt
from fastdata.schema import DistanceMap, Image
from fastdata.transforms import Resize, plan

COLOUR = made_jpeg(24, 40, [(2, 2), (1, 1), (1, 1)])
PROGRESSIVE = saved(picture(48, 64), "JPEG", progressive=True)
GRAY = made_jpeg(24, 40, [(1, 1)])
DC_CODES = bytes([0, 0, 0, 12, *[0] * 12]) + bytes(range(12))


def patched(jpeg, marker, at, value):
    """`jpeg` with one byte of the segment's payload replaced."""
    start = jpeg.index(bytes((0xFF, marker))) + 4 + at
    return jpeg[:start] + bytes([value]) + jpeg[start + 1 :]


def with_dc_codes(jpeg, codes):
    return jpeg.replace(segment(0xC4, b"\0" + DC_CODES), segment(0xC4, b"\0" + codes))


ODD = {
    "a Huffman code of ones": with_dc_codes(
        COLOUR, bytes([0, 0, 0, 16, *[0] * 12]) + bytes(range(16))
    ),
    "a run before a first coefficient": with_dc_codes(COLOUR, DC_CODES[:-1] + b"\x1b"),
    "a scan of more components than it lists": patched(COLOUR, 0xDA, 0, 4),
    "a sampling factor of 0": patched(GRAY, 0xC0, 7, 0x01),
    "a sampling factor of 5": patched(GRAY, 0xC0, 7, 0x15),
    "a JFIF version of the future": patched(COLOUR, 0xE0, 5, 2),
    "a restart interval of three bytes": with_segments(COLOUR, segment(0xDD, bytes(3))),
    "wrong conditions for arithmetic coding": with_segments(COLOUR, segment(0xCC, b"\xff\0")),
    "bytes between segments": COLOUR[:20] + b"junk" + COLOUR[20:],
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_what_libjpeg_refuses_or_warns_of_is_bad(data):
    """Also where the core's own decoder could read the pixels; the twin hears of no warnings."""
    assert data not in (COLOUR, GRAY)
    with pytest.raises(InputError, match=r"the JPEG is damaged \("):
        decoder().pixels(data, 3, (0, 0, 24, 40))


def test_the_last_of_two_adobe_segments_counts():
    data = with_segments(
        made_jpeg(24, 40, [(1, 1)] * 3, adobe=0), segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")
    )
    pixels, _, _ = decoder().pixels(data, 3, (0, 0, 24, 40))
    np.testing.assert_array_equal(pixels, whole(data, 3))


@pytest.mark.parametrize("denominator", [2, 4, 8])
@pytest.mark.parametrize("factors", [(4, 2), (2, 4), (4, 1), (1, 4), (4, 4), (3, 1)])
def test_parts_of_rare_samplings_made_smaller_are_those_of_the_whole(factors, denominator):
    # More than ten blocks in a unit are not allowed.
    components = [factors] if factors == (4, 4) else [factors, (1, 1), (1, 1)]
    data, decode = made_jpeg(149, 227, components), decoder().pixels
    everything, _, _ = decode(data, 3, (0, 0, 149, 227), denominator)
    for box in boxes(149, 227, np.random.default_rng(0)):
        part, window, _ = decode(data, 3, box, denominator)
        np.testing.assert_array_equal(part, cut(everything, window))


@pytest.mark.parametrize("box", [(0, 0, 49, 64), (0, 0, 48, 65), (48, 0, 1, 1), (0, 64, 1, 1)])
@pytest.mark.parametrize("denominator", [1, 2])
def test_a_jpeg_that_became_smaller_since_it_was_looked_at_is_bad(box, denominator):
    with pytest.raises(InputError, match=r"the JPEG has \d+ x \d+ pixels when it is decoded"):
        decoder().pixels(PROGRESSIVE, 3, box, denominator)


def batch_of_one(core, field, record, size, out):
    geometry = plan([Resize((4, 4))]).geometry(
        np.array([size]), seed=0, epoch=0, indices=np.arange(1)
    )
    batch = FieldBatch(
        field=field, records=[record], sizes=np.array([size]), out=out, names=str, geometry=geometry
    )
    (failure,) = core.decode_batch(batch, threads=1)
    assert not out.any()
    return failure[1]


@pytest.mark.parametrize("sides", [(1 << 30, 1 << 30), (-1, -1), (1 << 30, 0)])
def test_sizes_of_no_picture_are_corrupt(core, sides):
    """2**30 rows, as many columns, 8 classes and 2 bytes are 2**64 bytes."""
    field = DistanceMap(classes=8, form="signed", dtype="float16")
    out = np.ones((1, 8, 4, 4), np.float32)
    error = batch_of_one(core, field, b"", sides, out)
    assert isinstance(error, PackCorrupt)


SCAN = PROGRESSIVE[PROGRESSIVE.index(b"\xff\xda") :].split(b"\xff\xc4")[0]
BOMBS = {
    "a huge JPEG": patched(patched(COLOUR, 0xC0, 1, 0xFF), 0xC0, 3, 0xFF),
    "a JPEG of very many scans": PROGRESSIVE[:-2] + SCAN * 10_000 + b"\xff\xd9",
    "a huge PNG": png(png_header(65500, 65500), chunk(b"IDAT", zlib.compress(bytes(1 << 20)))),
    "a PNG of much text": png(
        png_header(4, 4),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(1 << 28))),
    ),
}


@pytest.mark.parametrize("record", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_before_memory_is_taken(core, record):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = batch_of_one(core, Image(), record, (48, 64), np.ones((1, 4, 4, 3), np.uint8))
    assert isinstance(error, InputError)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


# In a process of its own: a signal there is a failure here, and memory is held to 2 GB.
AMONG_GOOD_ONES = """
import json, resource, sys
from pathlib import Path
import numpy as np
from fastdata.codecs import probe
from fastdata.cores import FieldBatch, core, twin
from fastdata.errors import FastDataError
from fastdata.schema import Image
from fastdata.transforms import RandomCrop, plan
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
good = Path(sys.argv[1]).read_bytes()

def size_of(record):
    try:
        header = probe(record)
    except FastDataError:
        return 16, 16
    return header.height, header.width

def made(decoder, records):
    sizes = np.array([size_of(record) for record in records])
    indices = np.arange(len(records))
    geometry = plan([RandomCrop(8)]).geometry(sizes, seed=0, epoch=0, indices=indices)
    out = np.full((len(records), 8, 8, 3), 77, np.uint8)
    batch = FieldBatch(
        field=Image(), records=records, sizes=sizes, out=out, names=lambda at: f"sample {at}",
        geometry=geometry,
    )
    return out, dict(decoder.decode_batch(batch, threads=3))

paths = [path for name in sys.argv[2:] for path in sorted(Path(name).iterdir())]
for start in range(0, len(paths), 16):
    some = paths[start : start + 16]
    records = [record for path in some for record in (path.read_bytes(), good)]
    expected, twins = made(twin, records)
    found, failures = made(core(), records)
    for at in range(len(records)):
        path = some[at // 2].name if at % 2 == 0 else "good"
        same = bool((found[at] == expected[at]).all())
        print(json.dumps([path, str(failures.get(at, "")), str(twins.get(at, "")), same]))
"""


def test_bad_files_among_good_ones_spoil_nothing(tmp_path):
    folders = [real_data("bad/jpeg"), real_data("bad/mixed")]
    decoder()
    (tmp_path / "good.jpg").write_bytes(saved(picture(48, 64), "JPEG"))
    result = subprocess.run(
        [sys.executable, "-c", AMONG_GOOD_ONES, tmp_path / "good.jpg", *folders],
        env=os.environ | {"FASTDATA_NATIVE": "require"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-2000:]
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 2 * sum(len(list(Path(folder).iterdir())) for folder in folders)
    for case in lines:
        path, found, expected, same = case
        if path == "good":
            assert (found, expected, same) == ("", "", True)
        elif found and not expected:
            # In the words of libjpeg, whose warnings the twin does not hear of.
            assert "the JPEG is damaged (" in found, case
        elif expected and not found:
            # What follows the wanted pixels is not read.
            assert "JPEG's compressed data are" in expected, case
        else:
            assert same, case
        assert not found or found.startswith("sample "), case

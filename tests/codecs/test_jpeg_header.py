"""The compiled header walk says of every JPEG what `probe`, its reference, says."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jpegs import mutated
from pictures import exif, picture, saved, segment, with_segments
from realdata import real_data

from fastdata.codecs import Limits, probe
from fastdata.errors import InputError
from fastdata.native.extension import compiled

core = compiled()
pytestmark = pytest.mark.skipif(core is None, reason="there is no compiled core here")

EXAMPLES = int(os.environ.get("FASTDATA_MUTATIONS", "300"))
SMALL = Limits(max_pixels=200_000, max_side=1_000, max_scans=4, max_scan_pixels=10_000)
XMP = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation=a tiff:Orientation="%d"/>'
PLAIN = saved(picture(40, 56), "JPEG")
SEEDS = {
    "baseline": PLAIN,
    "progressive": saved(picture(40, 56), "JPEG", progressive=True),
    "gray": saved(picture(40, 56, 1), "JPEG", restart_marker_blocks=2),
    "cmyk": saved(picture(8, 8), "JPEG", restart_marker_rows=1),
    "exif": with_segments(PLAIN, segment(0xE1, b"Exif\0\0" + exif(6))),
    "xmp": with_segments(PLAIN, segment(0xE1, XMP % 8)),
}


def reference(data, limits):
    try:
        found = probe(data, limits=limits)
    except InputError as error:
        return str(error)
    size = (found.height, found.width)
    return (*(size[::-1] if found.orientation > 4 else size), found.channels, found.orientation)


def walked(data, limits):
    try:
        return core.jpeg_header(data, **vars(limits))[:4]
    except InputError as error:
        return str(error)


def assert_same_verdict(data):
    if data[:3] != b"\xff\xd8\xff":
        return
    for limits in (Limits(), SMALL):
        assert walked(data, limits) == reference(data, limits)


@pytest.mark.parametrize("data", SEEDS.values(), ids=SEEDS)
def test_every_cut_has_the_same_verdict(data):
    for end in range(3, min(len(data), 900)):
        assert_same_verdict(data[:end])


@pytest.mark.parametrize("folder", ["bad/jpeg", "bad/mixed"])
def test_the_verdict_on_bad_files_is_the_same(folder):
    for path in sorted(real_data(folder).iterdir()):
        assert_same_verdict(path.read_bytes())


@pytest.mark.parametrize("kind", [1, 3, 4, 5, 6, 8, 9, 11, 12])
@pytest.mark.parametrize("order", "<>")
def test_orientations_are_read_alike_in_every_number_type(kind, order):
    for value in [*range(10), 100]:
        for count in (1, 3):
            block = exif(value, order=order, kind=kind, count=count)
            data = with_segments(PLAIN, segment(0xE1, b"Exif\0\0" + block))
            assert walked(data, Limits()) == reference(data, Limits())
            halves = [segment(0xE1, b"Exif\0\0" + part) for part in (block[:13], block[13:])]
            data = with_segments(PLAIN, *halves, segment(0xE1, XMP % 5))
            assert walked(data, Limits()) == reference(data, Limits())


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_the_verdict_on_mutations_is_the_same(data):
    seed = data.draw(st.sampled_from(list(SEEDS.values())))
    assert_same_verdict(mutated(data.draw, seed))


def test_the_restart_interval_is_found():
    data = saved(picture(40, 56, 1), "JPEG", restart_marker_blocks=3)
    assert core.jpeg_header(data, **vars(Limits()))[4:] == (1, 3)
    assert core.jpeg_header(SEEDS["progressive"], **vars(Limits()))[4:] == (10, 0)

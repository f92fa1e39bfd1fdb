"""Batches of JPEGs are looked at and cut alike by every core, and as `crop_jpeg` cuts them."""

import numpy as np
import pytest
from jpegcrops import SAMPLINGS, boxes
from jpegs import made_jpeg
from pictures import exif, picture, saved, segment, with_segments

from fastdata.codecs import crop_jpeg
from fastdata.errors import InputError, PackCorrupt, UsageError
from fastdata.native.extension import compiled

COLOUR = SAMPLINGS["4:2:0"]
SIZE = (48, 64)


def name(position):
    return f"sample {position}"


@pytest.fixture
def cut(core):
    def crop(records, wanted, *, threads=2, out=None):
        return core.crop_jpegs(records, np.array(wanted), threads=threads, names=name, out=out)

    return crop


@pytest.fixture
def kinds(core):
    def look(records, *, sizes=None, checks=False):
        sizes = np.array([SIZE] * len(records)) if sizes is None else np.array(sizes)
        return core.jpeg_kinds(records, sizes, threads=2, names=name, checks=checks)

    return look


def file_of(crops, at):
    start = crops.offsets[at]
    return crops.data[start : start + crops.lengths[at]].tobytes()


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
def test_files_are_those_of_single_crops_with_any_number_of_threads(cut, sampling):
    records, wanted = [], []
    for number, interval in enumerate([0, 1, 2, 3, 5]):
        data = made_jpeg(67, 99, sampling, interval=interval, seed=number)
        wanted += boxes(67, 99, 15, seed=number)
        records += [memoryview(data)] * 15
    parts = list(map(crop_jpeg, records, wanted))
    for threads in (1, 2, 4):
        crops = cut(records, wanted, threads=threads)
        assert crops.failed == [] and (crops.offsets % 16 == 0).all()
        assert (crops.lengths > 0).any() and (crops.lengths == -1).any()
        for at, part in enumerate(parts):
            assert crops.origins[at].tolist() == [part.top, part.left]
            assert crops.sizes[at].tolist() == [part.height, part.width]
            if crops.lengths[at] >= 0:
                assert file_of(crops, at) == part.data
            else:
                # The record itself shows the same; a single crop only leaves out metadata.
                assert part.data[-40:] == bytes(records[at][-40:])


def test_nothing_is_copied_of_what_is_needed_whole(cut):
    data = made_jpeg(*SIZE, COLOUR, interval=1)
    turned = with_segments(data, segment(0xE1, b"Exif\0\0" + exif(6)))
    plain, progressive = (saved(picture(*SIZE), "JPEG", progressive=p) for p in (False, True))
    records = [data, turned, plain, progressive]
    crops = cut(records, [(0, 0, *SIZE), (0, 0, *SIZE), (20, 20, 8, 8), (20, 20, 8, 8)])
    assert crops.lengths.tolist() == [-1] * 4
    assert not crops.origins.any() and crops.sizes.tolist() == [list(SIZE)] * 4


def test_files_lie_apart_in_memory_that_is_used_again(cut):
    records = [made_jpeg(*SIZE, COLOUR, interval=1, seed=seed) for seed in range(20)]
    wanted = list(boxes(30, 30, 20))
    first = cut(records, wanted)
    again = cut(records[:7], wanted[:7], out=first.data)
    assert again.data is first.data
    for at in range(7):
        assert file_of(again, at) == crop_jpeg(records[at], wanted[at]).data
    small = np.full(100, 7, np.uint8)
    grown = cut(records, wanted, out=small)
    assert grown.data is not small and (small == 7).all()
    ends = np.sort(grown.offsets + grown.lengths)
    assert (np.sort(grown.offsets)[1:] >= ends[:-1]).all()
    assert ends[-1] <= (grown.lengths + 15).sum(), "there are no gaps"


def test_a_bad_file_fails_by_name_and_the_others_come(cut):
    good = made_jpeg(*SIZE, COLOUR, interval=1)
    records = [good, good[:40], good, b"<html>", saved(picture(*SIZE), "PNG"), b"", good]
    records += [good] * 3
    wanted = [(0, 0, 9, 9)] * 7 + [(0, 0, 49, 4), (-1, 0, 2, 2), (2**40, 0, 1, 1)]
    crops = cut(records, wanted)
    assert [at for at, _ in crops.failed] == [1, 3, 4, 5, 7, 8, 9]
    errors = dict(crops.failed)
    assert [type(error) for error in errors.values()] == [InputError] * 4 + [UsageError] * 3
    assert "sample 1: the JPEG is damaged" in str(errors[1])
    assert "sample 3: looks like an HTML page" in str(errors[3])
    assert "sample 4: the image is a PNG; expected a JPEG" in str(errors[4])
    assert "sample 5: looks like an empty file" in str(errors[5])
    assert "sample 7: a box at (0, 0) of 49 x 4 pixels; expected one inside" in str(errors[7])
    failed = list(errors)
    assert not crops.lengths[failed].any() and not crops.sizes[failed].any()
    for at in (0, 2, 6):
        assert file_of(crops, at) == crop_jpeg(good, (0, 0, 9, 9)).data


def test_an_empty_batch_is_nothing(cut, kinds):
    assert cut([], np.empty((0, 4), np.int64)).failed == []
    plain, failed = kinds([], sizes=np.empty((0, 2), np.int64))
    assert plain.shape == (0,) and failed == []


PLAIN = {
    "4:2:0": made_jpeg(*SIZE, COLOUR, interval=3),
    "gray": made_jpeg(*SIZE, [(1, 1)]),
    "progressive": saved(picture(*SIZE), "JPEG", progressive=True),
    "Adobe's YCbCr": made_jpeg(*SIZE, [(1, 1)] * 3, adobe=1),
    "a tail": made_jpeg(*SIZE, COLOUR) + bytes(1000),
    "upright by EXIF": with_segments(
        made_jpeg(*SIZE, COLOUR), segment(0xE1, b"Exif\0\0" + exif(1))
    ),
}
OTHER = {
    "PNG": saved(picture(*SIZE), "PNG"),
    "Adobe's RGB": made_jpeg(*SIZE, [(1, 1)] * 3, adobe=0),
    "CMYK": made_jpeg(*SIZE, SAMPLINGS["cmyk"]),
    "upside down": with_segments(made_jpeg(*SIZE, COLOUR), segment(0xE1, b"Exif\0\0" + exif(3))),
    "cut off": made_jpeg(*SIZE, COLOUR)[:-30],
    "a long tail": made_jpeg(*SIZE, COLOUR) + bytes(1024),
}


def test_plain_jpegs_are_told_from_others(kinds):
    plain, failed = kinds([*PLAIN.values(), *map(memoryview, OTHER.values())], checks=True)
    assert failed == []
    assert plain.tolist() == [True] * len(PLAIN) + [False] * len(OTHER)


def test_damage_is_found_where_it_is_looked_for(kinds):
    data = made_jpeg(*SIZE, COLOUR, interval=1)
    at = data.index(b"\xff\xd3")
    damaged = data[: at - 12] + data[at - 2 : at] + data[at:]
    # One that lacks most of a scan: Pillow alone, where no core is compiled, fills up what lacks.
    short = data[:at] + b"\xff\xd9"
    assert kinds([data, damaged, short])[0].tolist() == [True] * 3
    assert kinds([data, short], checks=True)[0].tolist() == [True, compiled() is None]


def test_headers_that_are_damaged_or_contradict_the_pack_fail_by_name(kinds):
    good = PLAIN["4:2:0"]
    turned = with_segments(good, segment(0xE1, b"Exif\0\0" + exif(6)))
    records = [good, good[:40], turned, turned, b"<html>", b"", good]
    sizes = [SIZE, SIZE, SIZE, SIZE[::-1], SIZE, SIZE, SIZE]
    plain, failed = kinds(records, sizes=sizes)
    assert plain.tolist() == [True, False, False, False, False, False, True]
    assert [at for at, _ in failed] == [1, 2, 4, 5]
    errors = dict(failed)
    assert isinstance(errors[1], InputError) and isinstance(errors[2], PackCorrupt)
    assert str(errors[2]) == (
        "sample 2: decodes to (64, 48); the pack says (48, 64) (height, width)"
    )
    assert "sample 4: looks like an HTML page" in str(errors[4])

"""Damaged JPEGs through everything of the core that reads them; run in a process of its own."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jpegs import decoded, made_jpeg, mutated
from pictures import picture, saved

from fastdata.codecs import crop_jpeg, decode_strictly, probe, transcode_jpeg
from fastdata.errors import FastDataError

SEEDS = [
    made_jpeg(45, 83, [(2, 2), (1, 1), (1, 1)], interval=2),
    made_jpeg(45, 83, [(2, 1), (1, 1), (1, 1)], interval=3),
    made_jpeg(45, 83, [(1, 1)] * 3, interval=22),
    made_jpeg(45, 83, [(1, 1)], interval=1),
    made_jpeg(20, 20, [(2, 2), (1, 1), (1, 1), (2, 2)], interval=1),
    saved(picture(45, 83), "JPEG", progressive=True),
    saved(picture(45, 83), "JPEG", restart_marker_rows=1),
]


def outcome(work: Any, *args: Any, **options: Any) -> Any:
    try:
        return work(*args, **options)
    except FastDataError as error:
        return str(error)


def crop(data: bytes, box: tuple[int, int, int, int], denominator: int, native: str) -> Any:
    os.environ["FASTDATA_NATIVE"] = native
    try:
        return outcome(crop_jpeg, data, box, denominator=denominator)
    finally:
        os.environ["FASTDATA_NATIVE"] = "require"


def drawn_box(data: st.DataObject, height: int, width: int) -> tuple[int, int, int, int]:
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    tall, wide = st.integers(1, height - top), st.integers(1, width - left)
    return top, left, data.draw(tall), data.draw(wide)


@settings(
    max_examples=int(sys.argv[1]) if sys.argv[1:] else 100,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def fuzz(data: st.DataObject) -> None:
    """Core and twin cut alike; what transcodes decodes strictly to the same pixels."""
    jpeg = mutated(data.draw, data.draw(st.sampled_from(SEEDS)))
    header = outcome(probe, jpeg)
    # Sizes that mutations make up; larger ones only take time.
    if isinstance(header, str) or header.height * header.width > 1_000_000:
        box = (0, 0, 1, 1)
    else:
        sides = (header.height, header.width)
        box = drawn_box(data, *(sides[::-1] if header.orientation > 4 else sides))
    for denominator in (1, 4):
        assert crop(jpeg, box, denominator, "require") == crop(jpeg, box, denominator, "off")
    transcoded = outcome(transcode_jpeg, jpeg)
    strict = outcome(decode_strictly, jpeg, 3)
    if isinstance(transcoded, bytes):
        pixels = decoded(transcoded)
        if not isinstance(strict, str):
            np.testing.assert_array_equal(pixels, decoded(jpeg))
    else:
        assert isinstance(strict, str), (transcoded, strict)


if __name__ == "__main__":
    fuzz()

"""Restart markers are found alike with AVX2 and without, wherever they lie."""

import random
import re

import pytest

from fastdata.native.extension import compiled

pytestmark = pytest.mark.skipif(compiled() is None, reason="there is no compiled core here")


def reference(data, at, first, count):
    """The same by a regular expression."""
    for number in range(first, first + count):
        found = re.compile(rb"\xff[^\x00\xff]", re.DOTALL).search(data, at)
        if found is None or found[0][1] != 0xD0 + number % 8:
            return len(data)
        at = found.end()
    return at


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("gap", [1, 5, 40, 300])
def test_markers_in_turn_and_the_first_wrong_one(quick, gap):
    draw = random.Random(gap)
    for _ in range(300):
        data, first = bytearray(), draw.randrange(20)
        for number in range(first, first + draw.randrange(1, 40)):
            filler = draw.choices([0, 1, 0x7F, 0xD3], k=draw.randrange(gap))
            data += bytes(filler) + b"\xff\x00" * draw.randrange(2) + b"\xff" * draw.randrange(3)
            data += bytes((0xFF, 0xD0 + number % 8))
        if draw.random() < 0.5:
            data[draw.randrange(len(data))] = draw.choice([0xFF, 0xD0, 0xD9, 0])
        at, count = draw.randrange(len(data)), draw.randrange(1, 45)
        for start in (0, at):
            found = compiled().skip_restarts(data, start, first, count, quick)
            assert found == reference(data, start, first, count)

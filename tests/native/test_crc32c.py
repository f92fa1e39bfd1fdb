"""CRC32C of the compiled core: the standard's answers, by either way of computing it."""

import google_crc32c
import numpy as np
import pytest

from fastdata.native.extension import compiled

core = compiled()
pytestmark = pytest.mark.skipif(core is None, reason="no compiled core")

# RFC 3720 (iSCSI), appendix B.4, and the usual check value.
KNOWN = [
    (b"", 0),
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C),
]
DATA = np.random.default_rng(0).integers(0, 256, 1 << 16, dtype=np.uint8)


def flat(data):
    return np.frombuffer(data, np.uint8)


@pytest.mark.parametrize("way", ["crc32c", "crc32c_portable"])
def test_the_standards_answers(way):
    for data, expected in KNOWN:
        assert getattr(core, way)(flat(data)) == expected


@pytest.mark.parametrize("way", ["crc32c", "crc32c_portable"])
def test_every_length_and_alignment_around_the_rounds_of_the_quick_loop(way):
    around = [3 * 21 * 64 * k + d for k in (1, 2) for d in range(-9, 10)]
    for length in [*range(80), *around, len(DATA) - 8]:
        for start in (0, 1, 7):
            piece = DATA[start : start + length]
            assert getattr(core, way)(piece) == google_crc32c.value(piece.tobytes())


def test_wrong_stretches_are_found_among_good_ones():
    offsets, lengths = np.array([0, 5, 5, 60_000]), np.array([5, 0, 9_000, 5_536])
    crcs = np.array(
        [google_crc32c.value(DATA[a : a + n]) for a, n in zip(offsets, lengths, strict=True)],
        np.uint32,
    )
    assert core.wrong_crcs(DATA, offsets, lengths, crcs) == []
    crcs[[1, 3]] ^= 1 << 31
    assert core.wrong_crcs(DATA, offsets, lengths, crcs) == [1, 3]


@pytest.mark.parametrize(
    ("offset", "length"), [(65_536, 1), (65_537, 0), (-1, 1), (0, -1), (1, 2**63 - 1)]
)
def test_stretches_outside_the_data_are_refused(offset, length):
    with pytest.raises(ValueError, match="outside the data"):
        core.wrong_crcs(DATA, np.array([offset]), np.array([length]), np.zeros(1, np.uint32))

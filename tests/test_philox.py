"""The generator gives Random123's published numbers, and depends on nothing but its arguments."""

import numpy as np
import pytest

from fastdata.philox import philox4x32, uniform

# (counter, key, result) of philox4x32, 10 rounds, from Random123's file kat_vectors.
KNOWN = [
    (
        (0x00000000, 0x00000000, 0x00000000, 0x00000000),
        (0x00000000, 0x00000000),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_known_answers_of_random123(counter, key, expected):
    result = philox4x32(np.array([counter, counter], np.uint32).T, key)
    assert [tuple(column) for column in result.T] == [expected, expected]


def test_numbers_do_not_depend_on_the_batch_they_are_drawn_in():
    indices = np.array([5, 0, 2**40, 7])
    whole = uniform(3, 2, indices, 1, 5)
    alone = [uniform(3, 2, indices[i : i + 1], 1, 5)[0] for i in range(4)]
    np.testing.assert_array_equal(whole, alone)
    np.testing.assert_array_equal(uniform(3, 2, indices[::-1], 1, 3), whole[::-1, :3])


def test_every_argument_changes_the_numbers():
    base = (1, 2, np.array([3]), 4, 2)
    variants = [
        (1 + 2**32, *base[1:]),
        (2, *base[1:]),
        (1, 3, *base[2:]),
        (1, 2, np.array([3 + 2**32]), 4, 2),
        (1, 2, np.array([4]), 4, 2),
        (*base[:3], 5, 2),
    ]
    drawn = {tuple(uniform(*arguments)[0]) for arguments in [base, *variants]}
    assert len(drawn) == 7


def test_numbers_are_uniform_in_the_half_open_unit_interval():
    numbers = uniform(0, 0, np.arange(20_000), 0, 4)
    assert numbers.shape == (20_000, 4)
    assert numbers.min() >= 0 and numbers.max() < 1
    counts = np.histogram(numbers, bins=50, range=(0, 1))[0]
    expected = numbers.size / 50
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 85.4  # 0.1 % quantile of 49 degrees of freedom; the numbers are fixed
    assert np.abs(np.corrcoef(numbers.T) - np.eye(4)).max() < 0.03


def test_an_empty_batch_and_wrong_positions():
    assert uniform(0, 0, np.array([], np.int64), 0, 3).shape == (0, 3)
    with pytest.raises(ValueError, match="operation 65536"):
        uniform(0, 0, np.array([1]), 65536, 1)

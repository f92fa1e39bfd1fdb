"""Random numbers that are a function of what they are for, not of who drew before.

A counter-based generator turns (key, counter) into bits directly, so a sample's numbers are the
same whichever worker, rank, batch or resumed run asks for them.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011
(Philox 4x32-10; constants and known answers from the authors' Random123 library).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["check_draw", "philox4x32", "uniform"]

Words = npt.NDArray[np.uint64]

_ROUNDS: Final = 10
_MULTIPLIERS: Final = np.array([0xD2511F53, 0xCD9E8D57], dtype=np.uint64).reshape(2, 1, 1)
_WEYL: Final = (0x9E3779B9, 0xBB67AE85)
_LOW: Final = np.uint64(0xFFFFFFFF)
_WORD: Final = np.uint64(32)
# Blocks of four words that one operation may use for one sample and epoch.
_MAX_BLOCKS: Final = 1 << 16


def philox4x32(counter: npt.NDArray[np.uint32], key: tuple[int, int]) -> npt.NDArray[np.uint32]:
    """Ten rounds of Philox on each counter.

    Args:
        counter: uint32, (4, n).
        key: Two 32-bit words.

    Returns:
        uint32, (4, n).
    """
    words = counter.astype(np.uint64).reshape(4, 1, -1)
    # Rows 0 and 2 are multiplied, rows 1 and 3 are mixed in; both pairs are kept as (2, 1, n).
    factors, mixed = words[0::2], words[1::2]
    for round_ in range(_ROUNDS):
        keys = np.array(
            [(key[0] + round_ * _WEYL[0]) & 0xFFFFFFFF, (key[1] + round_ * _WEYL[1]) & 0xFFFFFFFF],
            dtype=np.uint64,
        ).reshape(2, 1, 1)
        products = factors * _MULTIPLIERS
        factors = (products[::-1] >> _WORD) ^ mixed ^ keys
        mixed = products[::-1] & _LOW
    result = np.stack([factors[0, 0], mixed[0, 0], factors[1, 0], mixed[1, 0]])
    return result.astype(np.uint32)


def check_draw(operation: int, count: int) -> None:
    """Refuse what does not fit into a counter.

    Raises:
        ValueError: The operation or the count of numbers is too large.
    """
    if not 0 <= operation < _MAX_BLOCKS or count > 2 * _MAX_BLOCKS:
        raise ValueError(f"operation {operation} with {count} numbers; at most 65535 and 131072")


def uniform(
    seed: int, epoch: int, indices: npt.NDArray[np.integer], operation: int, count: int
) -> npt.NDArray[np.float64]:
    """`count` numbers a sample, in [0, 1), with 53 random bits each.

    The first numbers do not depend on `count`, so an operation that draws more keeps its earlier
    ones.

    Args:
        seed: The run's seed; its lowest 64 bits are the key.
        epoch: The epoch, 0 or more; its lowest 32 bits are used.
        indices: Sample indices in the dataset, (B,), 0 or more.
        operation: Position of the drawing operation in its list, 0..65535.
        count: Numbers a sample, up to 131,072.

    Returns:
        float64, (B, count).

    Raises:
        ValueError: `operation` or `count` is too large.
    """
    check_draw(operation, count)
    blocks = -(-count // 2)
    index = np.repeat(np.asarray(indices, dtype=np.uint64), blocks)
    counter = np.empty((4, index.size), dtype=np.uint32)
    counter[0] = (index & _LOW).astype(np.uint32)
    counter[1] = (index >> _WORD).astype(np.uint32)
    counter[2] = epoch & 0xFFFFFFFF
    counter[3] = np.tile(np.arange(blocks, dtype=np.uint32), len(indices)) | (operation << 16)
    words = philox4x32(counter, (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF)).T.reshape(-1, 2)
    numbers = (words[:, 0] >> 5) * 67108864.0 + (words[:, 1] >> 6)
    return (numbers / 9007199254740992.0).reshape(len(indices), 2 * blocks)[:, :count]

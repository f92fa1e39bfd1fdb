"""Checksummed stretches of the map, each compared with its CRC32C at its first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.errors import PackCorrupt
from fastdata.packs.base import Bytes, Indices
from fastdata.packs.checksum import crc_of_bytes, find_wrong_crcs

__all__ = ["Units"]


class Units:
    """The records, blocks or chunks of one field, with a bitmap of those already found whole.

    Safe across threads: two that check the same unit at once both find the same answer. A forked
    child goes on with a copy of the bitmap.

    Args:
        data: The whole map, uint8.
        base: Byte from which `offsets` count.
        offsets: Start of each unit, int64.
        lengths: Bytes of each unit.
        crcs: Expected CRC32C of each unit, uint32.
        always: Check at every read, not only at the first.
        describe: Unit number to the words that name it in a message.

    Attributes:
        all_known: Nothing is left to check, which spares an epoch's readers the asking.
    """

    def __init__(
        self,
        data: Bytes,
        *,
        base: int,
        offsets: NDArray[Any],
        lengths: NDArray[Any],
        crcs: NDArray[Any],
        always: bool,
        describe: Callable[[int], str],
    ) -> None:
        self.data = data
        self.base = base
        self.offsets = offsets
        self.lengths = lengths
        self.crcs = crcs
        self.always = always
        self.describe = describe
        self._known = np.zeros(len(crcs), np.bool_)
        self.all_known = not always and not len(crcs)

    def __len__(self) -> int:
        return len(self.crcs)

    def check(self, units: Indices) -> None:
        """Compare the units that have not been read yet.

        Raises:
            PackCorrupt: One differs; the message names it.
        """
        if self.all_known:
            return
        if not self.always:
            units = units[~self._known[units]]
        if not len(units):
            return
        units = np.unique(units)
        starts, lengths = self.offsets[units] + self.base, self.lengths[units]
        wrong = units[find_wrong_crcs(self.data, starts, lengths, self.crcs[units])]
        for unit in wrong[:1].tolist():
            raise PackCorrupt(
                f"{self.describe(unit)}: {self.fault(unit)}; restore the pack from a copy or "
                "convert again"
            )
        self._known[units] = True
        self.all_known = not self.always and bool(self._known.all())

    def fault(self, unit: int) -> str:
        """What is wrong with one unit, or ""."""
        start = self.base + int(self.offsets[unit])
        found = crc_of_bytes(self.data[start : start + int(self.lengths[unit])])
        expected = int(self.crcs[unit])
        return "" if found == expected else f"CRC32C is {found:#010x}, expected {expected:#010x}"

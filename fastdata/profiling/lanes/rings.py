"""Rows of numbers in a lane that never overflow: when full, they are thinned or added in pairs."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from fastdata.profiling.lanes.channel import Lane

__all__ = ["Ring"]

_HEADER = struct.Struct("<3d")
_HEADER_BYTES = 64


class Ring:
    """Entries of `width` numbers, in the order they came.

    Args:
        lane: Holds them.
        at: Bytes from the lane's beginning.
        width: Numbers an entry.
        capacity: Entries, an even number.
        adds: Whether two neighbours are added when all is full, so that no step is lost from the
            sums; else every second entry is dropped. The first number of an entry is a time and is
            never added.
    """

    def __init__(self, lane: Lane, at: int, *, width: int, capacity: int, adds: bool) -> None:
        self._memory = lane.memory
        self._at = lane.at + at
        self._entry = struct.Struct(f"<{width}d")
        self._width = width
        self._capacity = capacity
        self._adds = adds
        # Whoever wrote here before is gone, and its entries stay.
        seen, kept, stride = self._header
        self._seen, self._kept, self.stride = int(seen), int(kept), int(stride) or 1
        self._sum: Sequence[float] = ()
        self._in_sum = 0
        self.byte_count = _HEADER_BYTES + self._entry.size * capacity

    @property
    def seen(self) -> int:
        """Entries that came, as the memory says."""
        return int(self._header[0])

    @property
    def _header(self) -> tuple[float, ...]:
        return _HEADER.unpack_from(self._memory, self._at)

    def add(self, entry: Sequence[float]) -> None:
        """Takes in one entry."""
        if self._kept == self._capacity:
            self._halve()
        if self._adds and self._in_sum:
            entry = _added(self._sum, entry)
        is_whole = self._in_sum + 1 == self.stride
        if self._adds or not self._in_sum:
            self._pack(self._kept, entry)
        self._sum = entry
        self._in_sum = 0 if is_whole else self._in_sum + 1
        self._seen += 1
        self._kept += is_whole
        _HEADER.pack_into(self._memory, self._at, self._seen, self._kept, self.stride)

    def entries(self) -> tuple[list[tuple[float, ...]], int]:
        """What is kept, and how many entries that came stand behind each."""
        _, kept, stride = self._header
        count = min(max(int(kept), 0), self._capacity)
        return [self._unpack(number) for number in range(count)], max(int(stride), 1)

    def _halve(self) -> None:
        for number in range(self._capacity // 2):
            entry = self._unpack(2 * number)
            if self._adds:
                entry = _added(entry, self._unpack(2 * number + 1))
            self._pack(number, entry)
        self._kept //= 2
        self.stride *= 2

    def _pack(self, number: int, entry: Sequence[float]) -> None:
        place = self._at + _HEADER_BYTES + number * self._entry.size
        self._entry.pack_into(self._memory, place, *entry)

    def _unpack(self, number: int) -> tuple[float, ...]:
        place = self._at + _HEADER_BYTES + number * self._entry.size
        return self._entry.unpack_from(self._memory, place)


def _added(one: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    return (one[0], *(a + b for a, b in zip(one[1:], other[1:], strict=True)))

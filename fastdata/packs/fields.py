"""Readers of one field each: a column, records, rows in blocks, or windows of a series."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.packs.base import Bytes, Indices, RowSource
from fastdata.packs.units import Units

__all__ = ["CHUNK_BYTES", "Column", "Records", "Rows", "Windows", "as_indices"]

# The checksummed unit of a series, and the size that blocks of rows aim at: the CRC of one takes 10
# us here.
CHUNK_BYTES = 1 << 16


def as_indices(indices: Any, count: int) -> Indices:
    """Sample indices as int64, negative ones counted from the end.

    Raises:
        IndexError: One lies outside -count..count-1, or they are no integers.
    """
    array = np.asarray(indices)
    if array.dtype.kind not in "iu" and array.size:
        raise IndexError(f"sample indices are {array.dtype}; expected integers")
    if array.dtype != np.int64 or array.ndim != 1:
        array = array.astype(np.int64).reshape(-1)
    if not array.size:
        return array
    low, high = int(array.min()), int(array.max())
    if low < -count or high >= count:
        beyond = high if high >= count else low
        raise IndexError(f"sample {beyond} of a pack of {count} samples")
    return np.where(array < 0, array + count, array) if low < 0 else array


class Column:
    """One small value a sample, all in one array that was checked at open."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array
        self.units: Units | None = None

    def check(self, indices: Indices) -> None:
        """Nothing to do: the whole column was checked when the pack was opened."""

    def gather(self, indices: Indices) -> NDArray[Any]:
        """The values of these samples, a new array."""
        return self.array.take(indices, axis=0)


class Records:
    """Bytes of any length, one record a sample."""

    def __init__(self, units: Units, memory: memoryview, sizes: NDArray[Any] | None) -> None:
        self.units = units
        self.memory = memory
        self.sizes = sizes

    def check(self, indices: Indices) -> None:
        """Compare the checksums of these samples' records."""
        self.units.check(indices)

    def views(self, indices: Indices) -> list[memoryview]:
        """The records of these samples, unchecked, as views of the map."""
        starts = (self.units.offsets[indices] + self.units.base).tolist()
        stops = self.units.lengths[indices].tolist()
        memory = self.memory
        return [memory[start : start + n] for start, n in zip(starts, stops, strict=True)]


class Rows:
    """Arrays of one shape, in blocks of `block_rows` that lie anywhere in the file."""

    def __init__(
        self,
        units: Units,
        *,
        block_rows: int,
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        count: int,
    ) -> None:
        self.units = units
        self.block_rows = max(1, block_rows)
        self.dtype = dtype
        self.shape = shape
        self.count = count
        row_bytes = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        offsets = partial(_row_offsets, units, count, self.block_rows, row_bytes)
        self.source = RowSource(units.data, offsets, row_bytes, dtype, shape)

    def check(self, indices: Indices) -> None:
        """Compare the checksums of the blocks that these samples touch."""
        if not self.units.all_known:
            self.units.check(indices // self.block_rows)

    def gather(self, indices: Indices) -> NDArray[Any]:
        """The rows of these samples, unchecked, a new array."""
        return self.source.gather(indices)

    def whole(self) -> NDArray[Any] | None:
        """All rows as one view of the map, or None when they do not lie side by side."""
        steps = np.diff(self.units.offsets)
        if not bool((steps == self.block_rows * self.source.row_bytes).all()):
            return None
        start = self.units.base + int(self.units.offsets[0]) if len(self.units) else 0
        flat = self.units.data[start : start + self.count * self.source.row_bytes]
        return flat.view(self.dtype).reshape(self.count, *self.shape)


class Windows:
    """Stretches of `length` rows of one series, given by their start rows."""

    def __init__(
        self, units: Units, starts: NDArray[Any], *, dtype: np.dtype[Any], shape: tuple[int, ...]
    ) -> None:
        self.units = units
        self.starts = starts
        self.dtype = dtype
        self.shape = shape
        self.step_bytes = dtype.itemsize * shape[1]
        row_bytes = self.step_bytes * shape[0]
        offsets = partial(_window_offsets, starts, self.step_bytes, units.base)
        self.source = RowSource(units.data, offsets, row_bytes, dtype, shape)

    def check(self, indices: Indices) -> None:
        """Compare the checksums of the chunks of the series that these windows touch."""
        if self.units.all_known or not len(indices):
            return
        first = self.starts[indices] * self.step_bytes
        last = (first + (self.source.row_bytes - 1)) // CHUNK_BYTES
        first //= CHUNK_BYTES
        reach = np.arange(int((last - first).max()) + 1)
        self.units.check(np.minimum(first[:, None] + reach, last[:, None]).reshape(-1))

    def gather(self, indices: Indices) -> NDArray[Any]:
        """The windows of these samples, unchecked, a new array."""
        return self.source.gather(indices)

    def series(self) -> NDArray[Any]:
        """The whole series (T, F) as a view of the map, unchecked."""
        stop = self.units.base + int(self.units.lengths.sum(dtype=np.int64))
        flat: Bytes = self.units.data[self.units.base : stop]
        return flat.view(self.dtype).reshape(-1, self.shape[1])


# Functions, not methods: a row source that holds its reader would keep the map until a garbage
# collection.
def _row_offsets(
    units: Units, count: int, block_rows: int, row_bytes: int, indices: Indices
) -> Indices:
    block, row = np.divmod(as_indices(indices, count), block_rows)
    return np.asarray(units.offsets[block] + (row * row_bytes + units.base))


def _window_offsets(starts: NDArray[Any], step_bytes: int, base: int, indices: Indices) -> Indices:
    return np.asarray(starts[as_indices(indices, len(starts))] * step_bytes + base)

"""A pack file that passed the checks of opening: its map, its arrays, and readers of its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.errors import PackCorrupt
from fastdata.packs.fields import CHUNK_BYTES, Column, Records, Rows, Windows
from fastdata.packs.manifest import KEY_FIELD, Manifest
from fastdata.packs.mapping import DataFile
from fastdata.packs.units import Units
from fastdata.schema import Field

__all__ = ["Opened", "Reader"]

Reader = Column | Records | Rows | Windows
# Rows of an index compared at a time, so that a check of 100 million records needs no more memory.
SLICE_ROWS = 1 << 18


@dataclass(frozen=True)
class Opened:
    """What the backends hand to `Pack`.

    Attributes:
        data: The mapped data file.
        manifest: Its manifest.
        arrays: Columns, indices and offsets, checked, by their manifest names.
        bases: Byte from which the offsets of each field count.
        file_crc32c: (start byte, CRC32C of all from there), or None when a tool has rewritten the
            file.
    """

    data: DataFile
    manifest: Manifest
    arrays: Mapping[str, NDArray[Any]]
    bases: Mapping[str, int]
    file_crc32c: tuple[int, int] | None

    def readers(self, path: Path, *, always: bool) -> dict[str, Reader]:
        """A reader for every field, and for the source names if there are any.

        Raises:
            PackCorrupt: An offset points outside the file.
        """
        builder = _Builder(self, path, always)
        readers = {name: builder.reader(name, spec) for name, spec in self.manifest.schema.items()}
        if self.manifest.has_keys:
            readers[KEY_FIELD] = builder.records(KEY_FIELD)
        return readers


class _Builder:
    """Makes the readers of one opened pack."""

    def __init__(self, opened: Opened, path: Path, always: bool) -> None:
        self.opened = opened
        self.path = path
        self.always = always

    def reader(self, name: str, field: Field) -> Reader:
        if field.storage == "column":
            return Column(self.opened.arrays[f"column/{name}"])
        if field.storage == "records":
            return self.records(name)
        if field.storage == "rows":
            return self._rows(name, field)
        return self._windows(name, field)

    def records(self, name: str) -> Records:
        arrays = self.opened.arrays
        units = self._units(
            name,
            arrays[f"offset/{name}"],
            arrays[f"index/{name}/length"],
            f"field {name!r} of sample",
        )
        return Records(units, self.opened.data.memory, arrays.get(f"index/{name}/size"))

    def _rows(self, name: str, field: Field) -> Rows:
        count, block_rows = self.opened.manifest.count, self.opened.manifest.block_rows[name]
        shape = field.item_shape or ()
        row_bytes = field.item_dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        blocks = len(self.opened.arrays[f"index/{name}/crc32c"])
        block_bytes = block_rows * row_bytes
        offsets = self.opened.arrays.get(f"offset/{name}")
        if offsets is None:
            offsets = np.arange(blocks, dtype=np.int64) * block_bytes
        units = self._units(
            name,
            offsets,
            _lengths(blocks, block_bytes, count * row_bytes),
            f"field {name!r}, block of {block_rows} samples number",
        )
        return Rows(units, block_rows=block_rows, dtype=field.item_dtype, shape=shape, count=count)

    def _windows(self, name: str, field: Field) -> Windows:
        rows = self.opened.manifest.series_rows[name]
        length, features = field.item_shape or (0, 0)
        total = rows * features * field.item_dtype.itemsize
        chunks = len(self.opened.arrays[f"index/{name}/crc32c"])
        starts = self.opened.arrays[f"column/{name}"]
        if len(starts) and (int(starts.min()) < 0 or int(starts.max()) + length > rows):
            raise PackCorrupt(
                f"a window of field {name!r} of {self.path} leaves its series of {rows} rows; "
                f"convert again"
            )
        units = self._units(
            name,
            np.arange(chunks, dtype=np.int64) * CHUNK_BYTES,
            _lengths(chunks, CHUNK_BYTES, total),
            f"field {name!r}, chunk of {CHUNK_BYTES} bytes number",
        )
        return Windows(units, starts, dtype=field.item_dtype, shape=(length, features))

    def _units(self, name: str, offsets: NDArray[Any], lengths: NDArray[Any], words: str) -> Units:
        base = self.opened.bases.get(name, 0)
        self._check_inside(name, base, offsets, lengths)
        return Units(
            self.opened.data.bytes,
            base=base,
            offsets=offsets,
            lengths=lengths,
            crcs=self.opened.arrays[f"index/{name}/crc32c"],
            always=self.always,
            describe=lambda unit: f"{words} {unit} of {self.path}",
        )

    def _check_inside(
        self, name: str, base: int, offsets: NDArray[Any], lengths: NDArray[Any]
    ) -> None:
        nbytes = self.opened.data.nbytes
        for start in range(0, len(offsets), SLICE_ROWS):
            first = offsets[start : start + SLICE_ROWS]
            last = first + lengths[start : start + SLICE_ROWS]
            # An offset near 2**63 would wrap round when the length is added, so both ends are
            # compared.
            if int(first.min()) < 0 or int(first.max()) > nbytes or int(last.max()) + base > nbytes:
                raise PackCorrupt(
                    f"offsets of field {name!r} point outside the {nbytes} bytes of {self.path}; "
                    "restore it from a copy or convert again"
                )


def _lengths(units: int, unit_bytes: int, total: int) -> NDArray[np.int64]:
    lengths = np.full(units, unit_bytes, np.int64)
    if units:
        lengths[-1] = total - (units - 1) * unit_bytes
    return lengths

"""What every pack offers, whatever its backend: plain records of its facts, and where rows lie."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Backend", "Bytes", "Indices", "PackInfo", "Problem", "RowSource", "VerifyReport"]

Backend = Literal["lmdb", "hdf5"]
Bytes = NDArray[np.uint8]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class PackInfo:
    """What a pack's manifest says about the whole pack.

    Attributes:
        path: Where it was opened.
        backend: "lmdb" or "hdf5".
        format_version: Version of the pack format.
        count: Number of samples.
        id: 32 hexadecimal digits, drawn when its writing began; two packs never share it.
        data_bytes: Bytes of all stored values, without indices and the backend's overhead.
        source: What it was made from, in the words of who made it.
        options: How it was made, as plain JSON values.
        rejects: (key, reason) of every source sample that was left out.
        created_by: Name and version of the writing program.
    """

    path: Path
    backend: Backend
    format_version: int
    count: int
    id: str
    data_bytes: int
    source: str
    options: dict[str, Any]
    rejects: tuple[tuple[str, str], ...]
    created_by: str


@dataclass(frozen=True)
class RowSource:
    """Where the fixed-size values of one field lie in the map, for engines that gather alone.

    ``source.slides[source.offsets(indices)]`` gathers a batch of bytes without per-sample Python,
    at the speed of ``np.take``. Ask `Pack.check` first: this only locates.

    Attributes:
        bytes: The whole file, (file size,) uint8, read-only.
        offsets: Sample indices, any integer array, to byte offsets (B,) int64; IndexError beyond.
        row_bytes: Bytes of one value.
        dtype: Type of one element, little-endian.
        shape: Shape of one value.
    """

    bytes: Bytes
    offsets: Callable[[Indices], Indices]
    row_bytes: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @functools.cached_property
    def slides(self) -> Bytes:
        """What the class describes: `row_bytes` bytes from every byte of the file on, read-only."""
        shape = (max(0, len(self.bytes) - self.row_bytes + 1), self.row_bytes)
        return np.lib.stride_tricks.as_strided(self.bytes, shape, (1, 1), writeable=False)

    def gather(self, indices: Indices) -> NDArray[Any]:
        """The values of these samples, a new array (B, *shape)."""
        values = self.slides[self.offsets(indices)]
        return values.view(self.dtype).reshape(len(values), *self.shape)


@dataclass(frozen=True)
class Problem:
    """One thing that `Pack.verify` found wrong.

    Attributes:
        key: Source name of the sample, or None when the damage belongs to no sample.
        field: Name of the field, or "" when the damage belongs to no field.
        reason: What was found and what was expected.
    """

    key: str | None
    field: str
    reason: str


@dataclass(frozen=True)
class VerifyReport:
    """Result of reading a whole pack.

    Attributes:
        count: Samples in the pack.
        checked: Checksummed units (records, blocks of rows, arrays) that were read.
        checked_bytes: Bytes that were read.
        problems: All that is wrong, in file order; empty when the pack is whole.
    """

    count: int
    checked: int
    checked_bytes: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

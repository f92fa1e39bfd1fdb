"""Type, shape and checksum of an array that lies somewhere in a pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["ArraySpec", "natural", "spec_from_json"]


@dataclass(frozen=True)
class ArraySpec:
    """An array for the whole pack: a column or an index.

    Attributes:
        dtype: NumPy type string, little-endian.
        shape: Its shape.
        crc32c: CRC32C of its bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    crc32c: int

    @property
    def nbytes(self) -> int:
        """Bytes it takes."""
        size = np.dtype(self.dtype).itemsize
        for length in self.shape:
            size *= length
        return size


def natural(value: Any) -> int:
    """A whole number from 0 to 2**63 - 1.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise ValueError(f"{value!r} is no natural number")
    return value


def spec_from_json(entry: dict[str, Any]) -> ArraySpec:
    """The spec that `dataclasses.asdict` described.

    Raises:
        KeyError, TypeError, ValueError: It is malformed.
    """
    shape = tuple(natural(length) for length in entry["shape"])
    dtype = np.dtype(str(entry["dtype"]))
    if dtype.kind not in "biuf":
        raise ValueError(f"type {dtype}")
    return ArraySpec(dtype.str, shape, natural(entry["crc32c"]))

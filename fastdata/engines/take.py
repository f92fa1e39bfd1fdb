"""Gathers of fixed-size values: a batch of rows in one call, without per-sample Python.

NumPy does them, on one thread, and at the speed of its own ``np.take``. torch.index_select shares a
batch out among torch's threads, which doubles its speed on idle cores; but beside three busy
processes on two cores a batch of 2 MB took 7.6 ms that way, and 0.24 ms on one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from fastdata.engines.located import Located
from fastdata.engines.work import Indices
from fastdata.packs.base import RowSource

__all__ = ["Take", "take_array", "take_located", "take_rows", "take_tensor"]


@dataclass(frozen=True)
class Take:
    """A gather in two steps, so that the first can be done for many batches in one go.

    Attributes:
        locate: Sample indices, int64 (B,), to where they lie, int64 (B,); checks what it finds.
        pull: Where samples lie, or any part of that, to a new tensor (B, *shape).
    """

    locate: Callable[[Indices], Indices]
    pull: Callable[[Indices], torch.Tensor]

    def __call__(self, indices: Indices) -> torch.Tensor:
        """The values of these samples."""
        return self.pull(self.locate(indices))

    def then(self, function: Callable[[torch.Tensor], torch.Tensor]) -> Take:
        """The same gather with `function` applied to what it gives."""
        pull = self.pull
        return Take(self.locate, lambda places: function(pull(places)))


def take_tensor(tensor: torch.Tensor) -> Take:
    """Gathers rows of a tensor, on the device where it is."""
    if tensor.device.type == "cpu" and not tensor.requires_grad and _has_numpy_type(tensor):
        return take_array(tensor.numpy())

    def pull(rows: Indices) -> torch.Tensor:
        return torch.index_select(tensor, 0, torch.from_numpy(rows).to(tensor.device))

    return Take(_as_they_are, pull)


def take_array(array: NDArray[Any]) -> Take:
    """Gathers rows of an array, which may be read-only or a memory map."""
    if array.flags.c_contiguous:
        return Take(_as_they_are, lambda rows: torch.from_numpy(array.take(rows, axis=0)))
    # take() would copy the whole array first.
    return Take(_as_they_are, lambda rows: torch.from_numpy(np.ascontiguousarray(array[rows])))


def take_rows(source: RowSource) -> Take:
    """Gathers values of a pack from its memory map, by their byte offsets."""
    shape, dtype, row_bytes = source.shape, source.dtype, source.row_bytes
    if not row_bytes:
        return Take(
            _as_they_are, lambda rows: torch.from_numpy(np.empty((len(rows), *shape), dtype))
        )
    # Every possible row, overlapping: row i begins at byte i. As one opaque element each, because
    # then nothing is left to do but to copy it.
    row = np.dtype((np.void, row_bytes))
    count = len(source.bytes) - row_bytes + 1
    rows = as_strided(source.bytes[:row_bytes].view(row), (count,), (1,), writeable=False)

    def pull(offsets: Indices) -> torch.Tensor:
        return torch.from_numpy(rows[offsets].view(dtype).reshape(len(offsets), *shape))

    return Take(source.offsets, pull)


def take_located(located: Located, takes: Sequence[Take]) -> Take:
    """Gathers by the sample indices of a dataset, from the leaves that it consists of.

    Args:
        located: Where its samples lie.
        takes: The gather of each leaf.
    """
    if located.which is None:
        (only,), rows = takes, located.rows
        if rows is None:
            return only
        return Take(lambda indices: only.locate(rows[indices]), only.pull)

    def pull(indices: Indices) -> torch.Tensor:
        parts = list(located.parts(indices))
        values = [takes[part.leaf](part.rows) for part in parts]
        # Moved by NumPy, which can assign in every dtype; torch cannot in unsigned ones.
        out = torch.empty((len(indices), *values[0].shape[1:]), dtype=values[0].dtype)
        for part, value in zip(parts, values, strict=True):
            out.numpy()[part.positions] = value.numpy()
        return out

    return Take(_as_they_are, pull)


def _as_they_are(indices: Indices) -> Indices:
    return indices


def _has_numpy_type(tensor: torch.Tensor) -> bool:
    try:
        tensor[:0].numpy()
    except (RuntimeError, TypeError):
        return False
    return True

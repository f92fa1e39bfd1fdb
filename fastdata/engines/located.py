"""Sees through Subset, random_split, ConcatDataset and pack views to the datasets below them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import ConcatDataset, Subset

from fastdata.engines.work import Indices

__all__ = ["Located", "Part", "indexes_as", "locate"]


@dataclass(frozen=True)
class Part:
    """The samples of a batch that come from one leaf.

    Attributes:
        leaf: Number of the leaf.
        rows: Their indices in that leaf, int64 (n,).
        positions: Where they stand in the batch, int64 (n,), or None for all in order.
    """

    leaf: int
    rows: Indices
    positions: Indices | None


@dataclass(frozen=True)
class Located:
    """A dataset as leaves, and for each of its samples the leaf and the row in it.

    Attributes:
        leaves: Datasets that hold the samples themselves.
        which: Number of each sample's leaf, int16 (N,), or None when there is one leaf.
        rows: Each sample's index in its leaf, int64 (N,), or None when it is the sample's own.
        count: N.
    """

    leaves: tuple[Any, ...]
    which: NDArray[np.int16] | None
    rows: Indices | None
    count: int

    def parts(self, indices: Indices) -> Iterator[Part]:
        """The samples `indices`, each 0..count-1, by leaf."""
        rows = indices if self.rows is None else self.rows[indices]
        if self.which is None:
            yield Part(0, rows, None)
            return
        which = self.which[indices]
        for leaf in np.unique(which):
            positions = np.flatnonzero(which == leaf)
            yield Part(int(leaf), rows[positions], positions)

    def row(self, index: int) -> tuple[Any, int]:
        """The leaf of one sample, and its index there."""
        part = next(self.parts(np.array([index], np.int64)))
        return self.leaves[part.leaf], int(part.rows[0])

    def select(self, indices: Indices) -> Located:
        """The samples `indices`, each 0..count-1, as a dataset of their own."""
        return Located(
            self.leaves,
            None if self.which is None else self.which[indices],
            indices if self.rows is None else self.rows[indices],
            len(indices),
        )


def locate(dataset: Any, unwrap: Callable[[Any], Located | None]) -> Located | None:
    """The leaves of a dataset, or None when something in it is none that `unwrap` knows.

    Only torch's own Subset and ConcatDataset are looked through, and subclasses that leave their
    indexing as it is: what another class does in ``__getitem__`` cannot be known.

    Args:
        dataset: Any map-style dataset.
        unwrap: Gives a leaf as `Located`, or None for anything else.

    Raises:
        IndexError: A Subset has an index that is out of range, or a mask in place of indices.
    """
    leaf = unwrap(dataset)
    if leaf is not None:
        return leaf
    if indexes_as(dataset, Subset):
        inner = locate(dataset.dataset, unwrap)
        indices = None if inner is None else _as_indices(dataset.indices, inner.count)
        return None if inner is None or indices is None else inner.select(indices)
    if indexes_as(dataset, ConcatDataset):
        return _concatenated([locate(part, unwrap) for part in dataset.datasets])
    return None


def indexes_as(dataset: Any, base: type[Any]) -> bool:
    """Whether a dataset is a `base`, or a subclass that leaves its indexing as it is."""
    kind = type(dataset)
    return isinstance(dataset, base) and all(
        getattr(kind, name, None) is getattr(base, name, None)
        for name in ("__getitem__", "__getitems__", "__len__")
    )


def _as_indices(values: Any, count: int) -> Indices | None:
    array = values.numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    if array.dtype.kind == "b":
        raise IndexError("a Subset has indices of type bool; expected integers: np.flatnonzero()")
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        return None
    indices = array.astype(np.int64)
    beyond = indices[(indices < -count) | (indices >= count)]
    if len(beyond):
        raise IndexError(f"a Subset has the index {beyond[0]}, of a dataset of {count} samples")
    indices[indices < 0] += count
    return indices


def _concatenated(parts: list[Located | None]) -> Located | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if len(known) == 1:
        return known[0]
    leaves: list[Any] = []
    which: list[NDArray[np.int16]] = []
    for part in known:
        own = np.zeros(part.count, np.int16) if part.which is None else part.which
        which.append((own + len(leaves)).astype(np.int16))
        leaves += part.leaves
    rows = [np.arange(part.count) if part.rows is None else part.rows for part in known]
    return Located(
        tuple(leaves),
        np.concatenate(which),
        np.concatenate(rows).astype(np.int64),
        sum(part.count for part in known),
    )

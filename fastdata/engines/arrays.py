"""Datasets of whole arrays: TensorDataset, a tensor, a NumPy array, and a dict of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, TensorDataset

from fastdata.engines.gather import Assemble
from fastdata.engines.located import Located, locate
from fastdata.engines.take import Take, take_array, take_located, take_tensor

__all__ = ["ArrayDataset", "array_dataset", "array_takes"]


class ArrayDataset(Dataset[dict[str, Any]]):
    """Named arrays of one length; a sample is a dict of their rows.

    Args:
        arrays: NumPy arrays or tensors that have the same first dimension.
    """

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.arrays = dict(arrays)

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {name: array[index] for name, array in self.arrays.items()}


def array_dataset(dataset: Any) -> Any:
    """A dict of arrays of one length as an `ArrayDataset`; anything else as it is.

    A dict with other keys or values stays what it is to a DataLoader: a dataset that is indexed by
    those keys.
    """
    if type(dataset) is not dict or not dataset:
        return dataset
    named = all(isinstance(name, str) for name in dataset)
    if not named or not all(isinstance(v, np.ndarray | torch.Tensor) for v in dataset.values()):
        return dataset
    lengths = {len(value) if value.ndim else -1 for value in dataset.values()}
    return ArrayDataset(dataset) if len(lengths) == 1 and min(lengths) >= 0 else dataset


def array_takes(dataset: Any) -> tuple[list[Take], Assemble] | None:
    """How to gather batches of this dataset, or None when it does not consist of whole arrays.

    Returns:
        For each of its arrays one gather, and what makes a batch of the gathered tensors, in the
        form that `default_collate` gives it.
    """
    located = locate(dataset, _leaf)
    if located is None:
        return None
    first = located.leaves[0]
    if any(_form(leaf) != _form(first) for leaf in located.leaves):
        return None
    by_leaf = [[_take(array) for array in _arrays(leaf)] for leaf in located.leaves]
    takes = [take_located(located, list(takes)) for takes in zip(*by_leaf, strict=True)]
    return takes, _assembly(first)


def _leaf(dataset: Any) -> Located | None:
    arrays = _arrays(dataset)
    if not arrays or not all(_can_gather(array) for array in arrays):
        return None
    return Located((dataset,), None, None, len(dataset))


def _arrays(leaf: Any) -> Sequence[Any]:
    if type(leaf) is TensorDataset:
        return leaf.tensors
    if type(leaf) is ArrayDataset:
        return tuple(leaf.arrays.values())
    return (leaf,) if type(leaf) in (np.ndarray, np.memmap, torch.Tensor) else ()


def _can_gather(array: Any) -> bool:
    if isinstance(array, torch.Tensor):
        plain = type(array) is torch.Tensor and array.layout is torch.strided
        return plain and array.ndim > 0 and not array.is_quantized
    if array.ndim == 0 or array.dtype.kind not in "biufc" or not array.dtype.isnative:
        return False
    return array.dtype.itemsize <= 16 and min(array.strides, default=0) >= 0 and array.size > 0


def _take(array: Any) -> Take:
    return take_tensor(array) if isinstance(array, torch.Tensor) else take_array(np.asarray(array))


def _form(leaf: Any) -> Any:
    """What leaves must have in common to share a batch."""
    names = tuple(leaf.arrays) if isinstance(leaf, ArrayDataset) else ()
    return (
        type(leaf) in (np.ndarray, np.memmap) or type(leaf),
        names,
        [
            (type(array) is torch.Tensor, str(array.dtype), tuple(array.shape[1:]), _device(array))
            for array in _arrays(leaf)
        ],
    )


def _device(array: Any) -> str:
    return str(array.device) if isinstance(array, torch.Tensor) else "cpu"


def _assembly(leaf: Any) -> Assemble:
    if isinstance(leaf, TensorDataset):
        return list
    if isinstance(leaf, ArrayDataset):
        names = tuple(leaf.arrays)
        return lambda tensors: dict(zip(names, tensors, strict=True))
    return lambda tensors: tensors[0]

"""Finds the function of a mapped pack behind Subset, random_split and ConcatDataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.utils.data import ConcatDataset, Subset

from fastdata.engines.located import indexes_as
from fastdata.packs.views import MappedPack

__all__ = ["unmapped"]


def unmapped(dataset: Any) -> tuple[Any, Callable[[Any], Any] | None]:
    """The dataset before its function, and the function, so that transforms come between the two.

    Any dataset that is not made of packs mapped by one function is given back as it is, and None.
    """
    if isinstance(dataset, MappedPack):
        return dataset.dataset, dataset.function
    if indexes_as(dataset, Subset):
        below, function = unmapped(dataset.dataset)
        return (dataset, None) if function is None else (Subset(below, dataset.indices), function)
    if indexes_as(dataset, ConcatDataset):
        parts = [unmapped(part) for part in dataset.datasets]
        function = parts[0][1]
        if function is not None and all(other is function for _, other in parts):
            return ConcatDataset([below for below, _ in parts]), function
    return dataset, None

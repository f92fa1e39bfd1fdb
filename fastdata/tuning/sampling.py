"""Batches of any size, made of a few real samples that a loader would have given."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sized
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from fastdata.errors import UsageError
from fastdata.loader import FastLoader

__all__ = ["MakeBatch", "batch_maker"]

MakeBatch = Callable[[int], Any]
"""A batch of that many samples, in main memory or on the device."""

# Rows that batches are made of, again and again: trials need shapes and values that can be, not
# variety, and decoding thousands of images for each of them would take longer than the steps.
_SAMPLES = 32


def batch_maker(source: Any) -> MakeBatch:
    """What makes batches like those of `source`, which is left as it is.

    Args:
        source: A FastLoader, DataLoader, dataset, path of a pack, or a function from a size to a
            batch. Of a loader its dataset, transforms and collate function are used, never an
            iterator of its own; samples are made in this process.

    Raises:
        UsageError: It is none of these, empty, or its batches cannot be cut by samples.
    """
    if callable(source) and not isinstance(source, Dataset | DataLoader):
        make: MakeBatch = source
        return make
    loader = _small_loader(source)
    for batch in loader:
        return _Repeated(batch, count=_count(loader))
    raise UsageError("the dataset is empty; trials need at least one sample")


def _small_loader(source: Any) -> Any:
    if isinstance(source, FastLoader):
        return FastLoader(
            source.dataset,
            _rows(source),
            shuffle=None if isinstance(source.dataset, IterableDataset) else False,
            num_workers=0,
            collate_fn=source.collate_fn,
            pin_memory=False,
            transforms=source.transforms,
            fields=source.fields,
            seed=0,
            engine=source.engine,
            on_bad=source.on_bad,
        )
    if isinstance(source, DataLoader):
        return DataLoader(source.dataset, _rows(source), collate_fn=source.collate_fn)
    if isinstance(source, Dataset | str) or hasattr(source, "__fspath__"):
        loader = FastLoader(source, num_workers=0, seed=0)
        return _small_loader(loader)
    raise UsageError(
        f"batches is a {type(source).__name__}; expected a FastLoader, DataLoader, dataset, path "
        "of a pack, or a function that makes a batch of the size it is given"
    )


def _rows(loader: DataLoader[Any]) -> int:
    if loader.batch_size is None and loader.batch_sampler is None:
        raise UsageError(
            "the loader has batch_size=None: its dataset makes the batches; give a function that "
            "makes a batch of the size it is given"
        )
    if isinstance(loader.dataset, Sized):
        return max(1, min(_SAMPLES, len(loader.dataset)))
    return _SAMPLES


def _count(loader: DataLoader[Any]) -> int | None:
    return loader.batch_size if isinstance(loader.dataset, Sized) else None


class _Repeated:
    """Makes batches by repeating the rows of one."""

    def __init__(self, batch: Any, *, count: int | None) -> None:
        self._batch = batch
        first = next(_tensors(batch), None)
        if first is None or first.dim() == 0:
            raise UsageError(
                f"a batch is a {type(batch).__name__} without a tensor of samples; give a function "
                "that makes a batch of the size it is given"
            )
        # An IterableDataset may end before it has filled the batch, and a bad sample may be left
        # out of one.
        self._count = min(count or len(first), len(first))

    def __call__(self, size: int) -> Any:
        rows = torch.arange(size) % self._count
        return self._rows_of(self._batch, rows)

    def _rows_of(self, value: Any, rows: Tensor) -> Any:
        if isinstance(value, Tensor):
            return self._tensor_rows(value, rows)
        if isinstance(value, Mapping):
            return {key: self._rows_of(entry, rows) for key, entry in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self._rows_of(entry, rows) for entry in value))
        if isinstance(value, list) and len(value) == self._count and _is_plain(value):
            return list(itertools.islice(itertools.cycle(value), len(rows)))
        if isinstance(value, list | tuple):
            return type(value)(self._rows_of(entry, rows) for entry in value)
        return value

    def _tensor_rows(self, value: Tensor, rows: Tensor) -> Tensor:
        if value.dim() == 0 or len(value) != self._count:
            raise UsageError(
                f"a batch of {self._count} samples has a tensor of shape {tuple(value.shape)}, "
                "whose rows are no samples; give a function that makes a batch of the size it is "
                "given"
            )
        taken = value[rows]
        if value.dim() == 4 and value.is_contiguous(memory_format=torch.channels_last):
            return taken.contiguous(memory_format=torch.channels_last)
        return taken


def _tensors(value: Any) -> Any:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _tensors(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _tensors(entry)


def _is_plain(values: list[Any]) -> bool:
    return not any(isinstance(entry, Tensor | Mapping | list | tuple) for entry in values)

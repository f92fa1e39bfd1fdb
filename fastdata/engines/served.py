"""Datasets as worker processes see them: one call makes a whole batch.

A DataLoader asks a dataset that has ``__getitems__`` for all samples of a batch at once. These use
that call for more: it gets a task, and gives back a finished batch with what was left out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info

from fastdata.engines.maker import PackMaker
from fastdata.engines.work import Made, Skip, Task
from fastdata.errors import FastDataError

__all__ = ["ServedDataset", "ServedPack", "SharedCollate", "unchanged"]


def unchanged(made: Made) -> Made:
    """The collate function of a DataLoader whose dataset has collated already."""
    return made


class SharedCollate:
    """A user's collate function, with what it gives moved to shared memory by the worker.

    Args:
        collate_fn: The user's.
    """

    def __init__(self, collate_fn: Callable[[Any], Any]) -> None:
        self._collate_fn = collate_fn

    def __call__(self, samples: Any) -> Any:
        """The user's batch of samples."""
        batch = self._collate_fn(samples)
        if get_worker_info() is not None:
            share(batch)
        return batch


class ServedPack:
    """Batches of a pack, made in a worker.

    Args:
        dataset: The dataset that the user gave.
        maker: Makes its batches.
        function: Called with each sample, for a mapped pack.
        collate_fn: Makes a batch of samples, or converts single ones; None lets the maker make
            whole batches.
        skip_bad: Leave out samples on which `function` fails.
    """

    def __init__(
        self,
        dataset: Any,
        maker: PackMaker,
        *,
        function: Callable[[Any], Any] | None = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        skip_bad: bool = False,
    ) -> None:
        self.dataset = dataset
        self._maker = maker
        self._function = function
        self._collate_fn = collate_fn
        self._skip_bad = skip_bad

    def __getitems__(self, task: Task) -> Made:
        """The batch of a task."""
        try:
            return _shared(self._batch(task))
        except FastDataError as error:
            return Made(None, 0, error=error)

    def __getitem__(self, task: Task) -> Made:
        """The only sample of a task, where the user wants no batches."""
        try:
            return _shared(self._single(task))
        except FastDataError as error:
            return Made(None, 0, error=error)

    def _batch(self, task: Task) -> Made:
        if self._collate_fn is None:
            return self._maker.make(task)
        return self._collated(task, self._collate_fn)

    def _single(self, task: Task) -> Made:
        convert = self._collate_fn
        if convert is None:
            return self._maker.single(task)
        return self._collated(task, lambda samples: convert(samples[0]))

    def _collated(self, task: Task, collate_fn: Callable[[list[Any]], Any]) -> Made:
        found: list[Any] = []
        skipped: list[Skip] = []
        for index in task.indices.tolist():
            samples, bad = self._maker.samples(task._replace(indices=np.array([index], np.int64)))
            skipped += bad
            for sample in samples:
                try:
                    found.append(sample if self._function is None else self._function(sample))
                except Exception as error:
                    if not self._skip_bad:
                        raise
                    skipped.append(Skip(index, self._maker.key(index), _reason(error)))
        return Made(collate_fn(found) if found else None, len(found), tuple(skipped))


class ServedDataset:
    """Batches of any map-style dataset, without the samples that cannot be read.

    Args:
        dataset: The user's dataset.
        collate_fn: Makes a batch of samples.
    """

    def __init__(self, dataset: Any, collate_fn: Callable[[list[Any]], Any]) -> None:
        self.dataset = dataset
        self._collate_fn = collate_fn

    def __getitem__(self, index: Any) -> Made:
        """The sample of this index, where the user wants no batches."""
        return self._made([index], lambda samples: self._collate_fn(samples[0]))

    def __getitems__(self, indices: Sequence[Any]) -> Made:
        """The batch of these indices."""
        return self._made(indices, self._collate_fn)

    def _made(self, indices: Sequence[Any], collate_fn: Callable[[list[Any]], Any]) -> Made:
        found: list[Any] = []
        skipped: list[Skip] = []
        for index in indices:
            try:
                found.append(self.dataset[index])
            # Whatever a user's dataset raises for one sample is what was asked to be skipped.
            except Exception as error:
                skipped.append(Skip(index, f"sample {index}", _reason(error)))
        batch = collate_fn(found) if found else None
        return _shared(Made(batch, len(found), tuple(skipped)))


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, FastDataError) else f"{type(error).__name__}: {error}"


def _shared(made: Made) -> Made:
    if get_worker_info() is not None:
        share(made.batch)
    return made


def share(value: Any) -> None:
    """Moves a worker's tensors to shared memory here, where a lack of it is an error.

    The queue would do it in a thread of its own, whose errors are printed and lost, and the loader
    would wait for ever.
    """
    if isinstance(value, torch.Tensor):
        if value.device.type == "cpu" and not value.requires_grad:
            value.share_memory_()  # type: ignore[no-untyped-call]
    elif isinstance(value, list | tuple):
        for item in value:
            share(item)
    elif isinstance(value, dict):
        for item in value.values():
            share(item)

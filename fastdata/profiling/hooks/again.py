"""A second iterator of a DataLoader, beside the one that a script goes through."""

from __future__ import annotations

import contextlib
import copy
import random
import warnings
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

from fastdata.profiling.recorder import current, use

__all__ = ["Again"]


class Again:
    """A pass over a DataLoader, of which further iterators can be made.

    Args:
        loader: What is gone through.
        iterator: What goes through it; not kept alive.
    """

    def __init__(self, loader: Any, iterator: Any) -> None:
        self._loader = loader
        self._is_known = isinstance(iterator, _BaseDataLoaderIter)
        self._iterator = weakref.ref(iterator) if self._is_known else lambda: None

    @property
    def objection(self) -> str | None:
        """Why no further iterator can be made; None where one can."""
        if not self._is_known or not isinstance(self._loader, DataLoader):
            return f"no second iterator of a {type(self._loader).__name__} can be made"
        if isinstance(self._loader.dataset, IterableDataset):
            return "the samples of an IterableDataset cannot be chosen"
        return None

    def fresh(self, workers: int) -> _Second:
        """One with so many workers, which takes the next samples away from the pass.

        Raises:
            StopIteration: There are none left.
        """
        iterator: Any = self._iterator()
        return _Second(self._loader, iterator._sampler_iter, workers=workers)

    def over(self, batches: list[Any]) -> _Second:
        """One with the loader's own workers, over these batches of indices.

        Raises:
            StopIteration: There are none.
        """
        return _Second(self._loader, iter(batches), workers=self._loader.num_workers)


class _Second:
    """Batches of an iterator that no hook sees; they are asked for ahead of being handed out.

    The random numbers of this process are afterwards what they were before it was made.

    Args:
        loader: One like it makes the batches.
        batches: Indices of each.
        workers: Worker processes.

    Attributes:
        given: Indices of the batches handed out so far.
    """

    def __init__(self, loader: Any, batches: Iterator[Any], *, workers: int) -> None:
        self.given: list[Any] = []
        self._asked: deque[Any] = deque()
        with _unseen(), _same_random(), warnings.catch_warnings():
            # Whatever there is to warn of was said of the loader itself.
            warnings.simplefilter("ignore")
            self._batches = DataLoader.__iter__(_like(loader, self._noting(batches), workers))
            # With the first batch all workers have been started.
            try:
                self._first = [next(self._batches)]
            except BaseException:
                self.close()
                raise

    def __next__(self) -> Any:
        with _unseen():
            batch = self._first.pop() if self._first else next(self._batches)
        self.given.append(self._asked.popleft())
        return batch

    def close(self) -> None:
        """Ends its workers and returns once they are gone."""
        shutdown = getattr(self._batches, "_shutdown_workers", None)
        if shutdown is not None:
            shutdown()

    def _noting(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            self._asked.append(batch)
            yield batch


def _like(loader: Any, batches: Iterator[Any], workers: int) -> Any:
    like = copy.copy(loader)
    sampler = "sampler" if loader.batch_sampler is None else "batch_sampler"
    # A DataLoader refuses to have some of these set.
    like.__dict__.update(
        {
            sampler: batches,
            "num_workers": workers,
            "prefetch_factor": (loader.prefetch_factor or 2) if workers else None,
            "worker_init_fn": _Unseen(loader.worker_init_fn),
            "generator": None,
            "persistent_workers": False,
            "_iterator": None,
        }
    )
    return like


class _Unseen:
    """What a worker runs first: it is none of those that a profile shows."""

    def __init__(self, init: Any) -> None:
        self._init = init

    def __call__(self, worker: int) -> None:
        use(None)
        if self._init is not None:
            self._init(worker)


@contextlib.contextmanager
def _unseen() -> Iterator[None]:
    recorder = current()
    use(None)
    try:
        yield
    finally:
        use(recorder)


@contextlib.contextmanager
def _same_random() -> Iterator[None]:
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])

"""A second iterator of a loader, beside the one that a script goes through."""

from __future__ import annotations

import copy
import sys
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

from fastdata.profiling.hooks.unseen import Source, Unseen, UnseenInit, hide

__all__ = ["Again"]


class Again:
    """A pass over a loader, of which further iterators can be made.

    Args:
        loader: What is gone through.
        iterator: What goes through it; not kept alive.
    """

    def __init__(self, loader: Any, iterator: Any) -> None:
        self._loader = loader
        self._is_fast = _is_fast(iterator)
        is_known = self._is_fast or isinstance(iterator, _BaseDataLoaderIter)
        self._is_known = is_known and isinstance(loader, DataLoader)
        self._iterator = weakref.ref(iterator) if self._is_known else lambda: None

    @property
    def objection(self) -> str | None:
        """Why no further iterator can be made; None where one can."""
        if not self._is_known:
            return f"no second iterator of a {type(self._loader).__name__} can be made"
        if isinstance(self._loader.dataset, IterableDataset):
            return "the samples of an IterableDataset cannot be chosen"
        if self._is_fast and self._loader.explain().engine == "dali":
            return "a second pipeline of DALI would take memory and decoders from the first"
        return None

    def fresh(self, workers: int, batches: int) -> Unseen:
        """One with so many workers, over samples that the pass has not come to.

        Those of a FastLoader's own order come in the pass all the same, all others are taken away
        from it.

        Args:
            workers: Worker processes, or threads of a FastLoader's engine.
            batches: That will be asked for.

        Raises:
            StopIteration: There are none left.
        """
        iterator: Any = self._iterator()
        if not self._is_fast:
            return self._second(iterator._sampler_iter, workers)
        # With what it makes ahead, so that it makes batches up to the last step.
        ahead = max(1, workers) * (self._loader.prefetch_factor or 2)
        return self._second(iterator.apart(batches + ahead), workers)

    def over(self, batches: list[Any]) -> Unseen:
        """One with the loader's own workers, over these batches of indices.

        Raises:
            StopIteration: There are none.
        """
        return self._second(iter(batches), self._loader.num_workers)

    def _second(self, work: Any, workers: int) -> Unseen:
        loader, iterator = self._loader, self._iterator()
        if self._is_fast:
            epoch = iterator.epoch  # type: ignore[union-attr]
            return Unseen(lambda: _second_of_fast(loader, work, epoch=epoch, workers=workers))
        return Unseen(lambda: _Second(loader, work, workers=workers))


def _is_fast(iterator: Any) -> bool:
    """Whether it is a FastLoader's, which a script may well do without."""
    epoch = sys.modules.get("fastdata.loader.epoch")
    return epoch is not None and isinstance(iterator, epoch.EpochIterator)


def _second_of_fast(loader: Any, work: Any, *, epoch: int, workers: int) -> Source:
    from fastdata.loader.second import Second

    init = UnseenInit(loader.worker_init_fn)
    second = Second(loader, work, epoch=epoch, workers=workers, worker_init_fn=init)
    if second.maker is not None:
        hide(second.maker)
    return second


class _Second:
    """Batches of a DataLoader, which are asked for ahead of being handed out.

    Args:
        loader: One like it makes the batches.
        batches: Indices of each.
        workers: Worker processes.
    """

    def __init__(self, loader: Any, batches: Iterator[Any], *, workers: int) -> None:
        self._asked: list[Any] = []
        self._handed = 0
        self._batches = DataLoader.__iter__(_like(loader, self._noting(batches), workers))

    def __next__(self) -> Any:
        batch = next(self._batches)
        self._handed += 1
        return batch

    @property
    def given(self) -> Sequence[Any]:
        """Indices of the batches handed out so far."""
        return self._asked[: self._handed]

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
            "worker_init_fn": UnseenInit(loader.worker_init_fn),
            "generator": None,
            "persistent_workers": False,
            "_iterator": None,
        }
    )
    return like

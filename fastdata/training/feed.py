"""A training loader, gone through epoch by epoch, and from the middle of one after a resume."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SequentialSampler

from fastdata.errors import UsageError
from fastdata.loader import FastLoader
from fastdata.training import rng

__all__ = ["Feed", "hold_epoch", "length_of", "shared_out"]


class Feed:
    """Hands out a loader's batches.

    A loader with ``state_dict`` and ``load_state_dict`` goes on where it stood. Any other is asked
    for the batches that came before once more, with the random numbers of then.

    Args:
        loader: Any iterable that can be gone through once for each epoch.
        device: Where its generator counts too.
    """

    def __init__(self, loader: Iterable[Any], device: torch.device) -> None:
        self._loader = loader
        self._device = device
        self._keeps_place = hasattr(loader, "state_dict") and hasattr(loader, "load_state_dict")
        self._iterator: Iterator[Any] = iter(())
        self._start: dict[str, Any] = {}

    def begin(self, epoch: int, *, done: int) -> Iterator[Any]:
        """The batches of an epoch, after the first `done`."""
        hold_epoch(self._loader, epoch)
        if not done:
            self._start = rng.read(self._device)
            self._iterator = iter(self._loader)
            return self._iterator
        now = rng.read(self._device)
        rng.restore(self._start, self._device)
        self._iterator = iter(self._loader)
        if not self._keeps_place:
            for _ in itertools.islice(self._iterator, done):
                pass
        rng.restore(now, self._device)
        return self._iterator

    def indices(self) -> Any:
        """Sample indices of the batch handed out last, or None where the loader does not tell."""
        return getattr(self._iterator, "indices", None)

    def indices_of(self, batch: int) -> list[int] | None:
        """The sample indices of a batch of this epoch that a plain DataLoader has drawn.

        Its sampler is gone through once more, with the random numbers of then.
        """
        loader = self._loader
        if type(loader) is not DataLoader or loader.generator or loader.batch_sampler is None:
            return None
        # A DataLoader of its own draws from the generators in the same order as that one did.
        replay: DataLoader[Any] = DataLoader(
            range(len(loader.dataset)),  # type: ignore[arg-type]
            batch_sampler=loader.batch_sampler,
            collate_fn=list,
        )
        with rng.preserved(self._device):
            rng.restore(self._start, self._device)
            return next(itertools.islice(iter(replay), batch, None), None)

    def state_dict(self) -> dict[str, Any]:
        """What the next process needs to hand out the batches that follow."""
        place = self._loader.state_dict() if self._keeps_place else None  # type: ignore[attr-defined]
        return {"loader": place, "start": self._start}

    def can_cut_anew(self, state: dict[str, Any]) -> bool:
        """Whether what `state` leaves of an epoch can be shared out among other ranks."""
        return self._keeps_place and state["loader"] is not None

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes what `state_dict` gave."""
        self._start = state["start"]
        if self._keeps_place and state["loader"] is not None:
            self._loader.load_state_dict(state["loader"])  # type: ignore[attr-defined]


def length_of(loader: Iterable[Any]) -> int | None:
    """Batches of an epoch, or None when the loader does not know."""
    try:
        return len(loader)  # type: ignore[arg-type]
    except TypeError:
        return None


def hold_epoch(loader: Any, epoch: int) -> None:
    """Tells a loader, or its samplers, which epoch comes, as DistributedSampler wants it."""
    if hasattr(loader, "set_epoch"):
        loader.set_epoch(epoch)
        return
    for name in ("sampler", "batch_sampler"):
        sampler: Any = getattr(loader, name, None)
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)


def shared_out(loader: Iterable[Any], *, world: int) -> Iterable[Any]:
    """The loader for one of several ranks.

    A plain DataLoader that knows nothing of ranks becomes a FastLoader with the same arguments. A
    loader with a sampler of the user's own, and any other iterable, gives this rank's share.

    Raises:
        UsageError: It draws samples in a way that cannot be shared out.
    """
    if world == 1 or type(loader) is not DataLoader or isinstance(loader.dataset, IterableDataset):
        return loader
    sampler = loader.sampler
    # A batch_sampler of the user's own leaves an unused SequentialSampler beside it.
    if type(sampler) not in (SequentialSampler, RandomSampler) or loader.batch_size is None:
        return loader
    if isinstance(sampler, RandomSampler) and sampler.replacement:
        raise UsageError(
            "a RandomSampler with replacement cannot be shared out among ranks; give the loader "
            "a sampler that knows its rank, such as DistributedSampler"
        )
    return FastLoader(
        loader.dataset,
        loader.batch_size,
        shuffle=isinstance(sampler, RandomSampler),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        drop_last=loader.drop_last,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
    )

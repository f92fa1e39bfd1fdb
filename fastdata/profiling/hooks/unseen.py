"""Batches that no hook sees, and that leave the random numbers of the process as they were."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from fastdata.profiling.recorders.recorder import current, use

__all__ = ["Source", "Unseen", "UnseenInit", "hide", "is_hidden"]

_HIDDEN = "_fastdata_hidden"


class Source(Protocol):
    """Whatever makes the batches."""

    @property
    def given(self) -> Sequence[Any]:
        """Indices of the batches handed out so far."""

    def __next__(self) -> Any:
        """The next batch."""

    def close(self) -> None:
        """Ends its threads and processes, and returns once they are gone."""


class Unseen:
    """Batches of a source.

    Args:
        make: Makes the source, whose workers have all been started with its first batch.

    Raises:
        StopIteration: It has no batch.
    """

    def __init__(self, make: Callable[[], Source]) -> None:
        with _unseen(), _same_random(), warnings.catch_warnings():
            # Whatever there is to warn of was said of the loader itself.
            warnings.simplefilter("ignore")
            self._source = make()
            try:
                self._first = [next(self._source)]
            except BaseException:
                self.close()
                raise

    def __next__(self) -> Any:
        with _unseen():
            return self._first.pop() if self._first else next(self._source)

    @property
    def given(self) -> Sequence[Any]:
        """Indices of the batches that the source has handed out."""
        return self._source.given

    def close(self) -> None:
        """Ends the source."""
        with _unseen():
            self._source.close()


class UnseenInit:
    """What a worker process runs first: it is none of those that a profile shows.

    Args:
        init: The user's own function, or None.
    """

    def __init__(self, init: Callable[[int], None] | None) -> None:
        self._init = init

    def __call__(self, worker: int) -> None:
        """Called in the worker."""
        use(None)
        if self._init is not None:
            self._init(worker)


def hide(maker: Any) -> None:
    """Has the batches of a `PackMaker` seen by nobody, whichever thread it works on."""
    setattr(maker, _HIDDEN, True)


def is_hidden(maker: Any) -> bool:
    """Whether `hide` was called with it."""
    return hasattr(maker, _HIDDEN)


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

"""What the loader asks of an engine: batches of these sample indices, in this order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fastdata.engines.drawn import Drawn
from fastdata.errors import FastDataError

__all__ = ["EMPTY", "Batches", "Indices", "Made", "MadeAhead", "Report", "Skip", "Task"]

Indices = NDArray[np.int64]

EMPTY: Final = type("Empty", (), {"__doc__": "A batch of which every sample was skipped."})()


class Skip(NamedTuple):
    """A sample that was left out of its batch.

    Attributes:
        sample: Its index in the dataset that was given to the loader.
        key: Its name, such as the path of its source.
        reason: What was wrong with it.
    """

    sample: int
    key: str
    reason: str


Report = Callable[[Sequence[Skip]], None]
"""Told of samples that were left out, on the thread that asks for batches."""


class Task(NamedTuple):
    """One batch to be made, in this process or another.

    Attributes:
        seed: The run's seed, for the numbers of random geometry.
        epoch: The epoch, likewise.
        indices: Sample indices of the dataset, int64 (B,).
        drawn: Their geometry, or what draws it, where that is done for several batches at once.
    """

    seed: int
    epoch: int
    indices: Indices
    drawn: Drawn | Callable[[], Drawn | None] | None = None


class Made(NamedTuple):
    """One batch as an engine made it.

    Attributes:
        batch: What the user gets.
        size: Samples in it; 0 when all were left out, and the batch means nothing.
        skipped: Samples that were left out.
        error: What a worker process could not do, to be raised as it is where batches are asked
            for; DataLoader would put the worker's traceback into the message.
    """

    batch: Any
    size: int
    skipped: tuple[Skip, ...] = ()
    error: FastDataError | None = None


class Batches(Protocol):
    """The batches of one epoch, being made."""

    def __next__(self) -> Any:
        """The next batch, one for each element of the work, or `EMPTY`."""


@runtime_checkable
class MadeAhead(Batches, Protocol):
    """Batches of which the first can be begun with before they are asked for."""

    def begin(self) -> None:
        """Begins with those that the first `next` would begin with."""

"""The seed and the place in a run: which epoch is next, and where in it to begin."""

from __future__ import annotations

import operator
from typing import Any

import torch

from fastdata.errors import UsageError
from fastdata.hardware import read_ranks
from fastdata.loader.state import LoaderState, Position

__all__ = ["Progress", "whole"]


def whole(value: Any) -> int | None:
    """A whole number of any library as an int; None for anything else, and for a bool."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


class Progress:
    """Which epoch a loader is in, which comes next, and what both are drawn from.

    Args:
        seed: Given by the user, or None to draw one when it is first needed.
        generator: Draws it, or None for torch's default generator.
    """

    def __init__(self, seed: int | None, generator: torch.Generator | None) -> None:
        self._seed = seed
        self._generator = generator
        self._epoch = 0
        self._is_held = False
        self._position: Position | None = None
        self._loaded: LoaderState | None = None
        self._begun: int | None = None
        self._stride: int | None = None

    @property
    def seed(self) -> int:
        """The seed; drawn now, if it was not before."""
        if self._seed is None and self._generator is None and read_ranks().world > 1:
            # All ranks must agree, and need not have seeded torch alike; DistributedSampler's too.
            self._seed = 0
        if self._seed is None:
            drawn = torch.empty((), dtype=torch.int64).random_(generator=self._generator)
            self._seed = int(drawn.item())
        return self._seed

    def begin(self) -> tuple[int, LoaderState | None]:
        """Begins an epoch: its number, and where in it to go on, if a state was loaded."""
        epoch, loaded = self._epoch, self._loaded
        self._loaded = None
        self._stride = None if self._begun is None else epoch - self._begun
        self._begun = epoch
        if not self._is_held:
            self._epoch += 1
        return epoch, loaded

    @property
    def likely(self) -> int | None:
        """The epoch that will be begun after the newest; None where nothing tells.

        Whoever holds epochs is expected to hold the next one, or the same, as the last time.
        """
        if self._loaded is not None:
            return None
        if not self._is_held:
            return self._epoch
        return self._epoch + self._stride if self._stride in (0, 1) else None

    def follow(self, position: Position) -> None:
        """Takes `position`, which an iterator moves, as the place in the run."""
        self._position = position

    def hold(self, epoch: Any) -> None:
        """Every following epoch is this one.

        Raises:
            UsageError: It is negative, or no whole number.
        """
        number = whole(epoch)
        if number is None or number < 0:
            raise UsageError(f"set_epoch({epoch!r}); expected a whole number from 0")
        self._epoch, self._is_held = number, True
        if self._loaded is not None and self._loaded.epoch != number:
            self._loaded = None

    def place(self) -> Position | LoaderState:
        """Where the run stands: a position, or a loaded state that nothing has begun on yet."""
        if self._loaded is not None:
            return self._loaded
        position = self._position
        if position is not None and self._is_held:
            return position if position.epoch == self._epoch else Position(self._epoch)
        return Position(self._epoch) if position is None or position.finished else position

    def load(self, state: LoaderState) -> None:
        """The next epoch to begin is the rest of the one that `state` lies in."""
        self._seed, self._epoch, self._loaded = state.seed, state.epoch, state
        self._position = None

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_position": None}

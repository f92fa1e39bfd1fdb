"""Batches of a FastLoader made beside its own with other settings, to see what they then take."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fastdata.engines.maker import PackMaker
from fastdata.engines.work import Skip
from fastdata.loader.epoch import EpochIterator
from fastdata.loader.order import Shard, together
from fastdata.loader.running import Engine
from fastdata.loader.state import Position

if TYPE_CHECKING:
    from fastdata.loader.facade import FastLoader

__all__ = ["Second"]


class Second:
    """A pass by an engine of its own, which ends with `close` or when it is dropped.

    The loader's state, its seed and what it has skipped stay as they are.

    Args:
        loader: Whose samples, transforms and settings it has.
        work: What its batches hold: a `Shard`, or batches as a sampler yields them.
        epoch: Of random geometry.
        workers: Threads or worker processes.
        worker_init_fn: Runs first in each worker process.

    Attributes:
        maker: Makes its batches; None where no pack is read.
    """

    def __init__(
        self,
        loader: FastLoader,
        work: Iterable[Any],
        *,
        epoch: int,
        workers: int,
        worker_init_fn: Callable[[int], None] | None,
    ) -> None:
        like = copy.copy(loader)
        # A DataLoader refuses to have some of these set.
        like.__dict__.update(
            num_workers=workers,
            worker_init_fn=worker_init_fn,
            generator=None,
            persistent_workers=False,
        )
        self.maker: PackMaker | None = like._choice.maker
        self._asked: list[Any] = []
        self._position = Position(epoch)
        if loader._request.has_own_order and not isinstance(work, Shard):
            work = together(list(work))
        engine = Engine(like, like._choice, keep_workers=False, device=loader.device)
        seed = loader._progress.seed
        batches = engine.batches(self._noted(work), seed, epoch, _nobody, None)
        self._pass: EpochIterator | None = EpochIterator(
            batches, self._position, work=work, sized=(), move=engine.take
        )

    def __next__(self) -> Any:
        if self._pass is None:
            raise StopIteration
        return next(self._pass)

    @property
    def given(self) -> Sequence[Any]:
        """What the batches handed out so far hold, as in `work`."""
        return self._asked[: self._position.batches]

    def close(self) -> None:
        """Ends its threads and processes, and returns once they are gone."""
        self._pass = None

    def _noted(self, work: Iterable[Any]) -> Iterable[Any]:
        if isinstance(work, Shard):
            self._asked = list(work)
            return work
        return self._noting(work)

    def _noting(self, work: Iterable[Any]) -> Iterator[Any]:
        for batch in work:
            self._asked.append(batch)
            yield batch


def _nobody(skips: Sequence[Skip]) -> None:
    """The loader tells of a sample that is left out when it comes to it itself."""

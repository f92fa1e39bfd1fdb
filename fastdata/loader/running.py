"""Starts the chosen engine on one epoch's work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from torch.utils.data import DataLoader, IterableDataset, default_collate, default_convert

from fastdata.engines.buffers import Allocate, BatchBuffers, Resources
from fastdata.engines.buffers import pinned as pinned_memory
from fastdata.engines.dali.batches import HostParts
from fastdata.engines.dali.engine import DaliEngine
from fastdata.engines.drawn import DRAWN_SAMPLES
from fastdata.engines.gather import GROUP, gathered
from fastdata.engines.maker import PackMaker
from fastdata.engines.prefetch import Make, Prefetched, Synchronous
from fastdata.engines.served import ServedDataset, ServedPack, SharedCollate, unchanged
from fastdata.engines.work import Batches, Made, Report, Task
from fastdata.engines.workers import (
    ResultOf,
    Tasks,
    WorkerInit,
    WorkerProcesses,
    as_is,
    from_made,
)
from fastdata.loader.arriving import Arrivals, Arriving
from fastdata.loader.choice import Choice
from fastdata.loader.epoch import as_indices
from fastdata.loader.lookahead import one_ahead
from fastdata.loader.moving import Mover, pins
from fastdata.loader.moving import pinned as pinned_batch
from fastdata.loader.order import Indices, Shard
from fastdata.loader.streaming import choose_mover

__all__ = ["Engine"]


class Engine:
    """The engine of one loader.

    It keeps nothing of the loader but its settings, so that dropping the loader ends it.

    Args:
        loader: The loader, as a DataLoader.
        choice: What makes its batches.
        keep_workers: Whether worker processes outlive an epoch that is broken off.
        device: Where batches are to be.

    Attributes:
        take: Makes the user's batch, on its device, of one of `batches`; None leaves it as it is.
    """

    def __init__(
        self, loader: DataLoader[Any], choice: Choice, *, keep_workers: bool, device: Any
    ) -> None:
        self._choice = choice
        self._mover = choose_mover(
            device, choice.later, engine=choice.engine, pin=bool(loader.pin_memory)
        )
        self.take = None if self._mover is None else self._mover.take
        is_known = choice.maker is not None or choice.arrays is not None
        self._count = len(loader.dataset) if is_known else 0  # type: ignore[arg-type]
        self._batch_size = loader.batch_size or 1
        self._one_by_one = _is_one_by_one(loader)
        self._threads = loader.num_workers
        self._depth = loader.prefetch_factor or 2
        self._timeout_seconds = loader.timeout
        self._wants_pinned = bool(loader.pin_memory)
        # One of each field in the hands of the user, and as many as are made ahead, may be out.
        fields = 0 if choice.maker is None else len(choice.maker.schema)
        self._buffers = BatchBuffers(fields * (self._depth + 1))
        self._workers = (
            _worker_processes(loader, choice, keep_workers, self._mover)
            if choice.engine == "torch"
            else None
        )
        self._dali: DaliEngine | None = None
        if choice.engine == "dali":
            assert choice.maker is not None
            self._dali = DaliEngine(
                choice.maker,
                device=device,
                threads=self._threads,
                batch_size=self._batch_size,
                depth=self._depth,
                timeout_seconds=self._timeout_seconds,
            )

    def batches(
        self, work: Any, seed: int, epoch: int, report: Report, told_length: int | None
    ) -> Batches:
        """The batches of one epoch; where there is a mover, as it has sent them.

        Args:
            work: A `Shard`, or batches as a user's sampler yields them.
            seed: For random geometry.
            epoch: Likewise.
            report: Told of skipped samples.
            told_length: See `WorkerProcesses.batches`.
        """
        maker = self._choice.maker
        if self._workers is not None:
            items = self._tasks(work, seed, epoch) if maker is not None else self._lists(work)
            return self._workers.batches(items, report, told_length=told_length)
        pinned = pinned_batch if pins(wanted=self._wants_pinned) else None
        if self._choice.gathers and not self._choice.skip_bad:
            return self._gather(work, pinned)
        assert maker is not None
        if isinstance(work, Shard) and not self._one_by_one:
            # Who feeds DALI waits for it anyway; the core would wait for who feeds it.
            tasks = maker.drawing.tasks(
                work.groups(DRAWN_SAMPLES // self._batch_size or 1),
                seed,
                epoch,
                by_maker=self._dali is not None,
            )
        else:
            tasks = self._tasks(work, seed, epoch)
        if self._dali is not None:
            parts = _host_parts(self._mover, pinned)
            return self._dali.batches(tasks, report, self._allocate(pinned), parts)
        make = self._make(maker, pinned)
        if not self._threads or self._choice.gathers:
            return Synchronous(tasks, make, report)
        return Prefetched(
            tasks,
            make,
            report,
            depth=self._depth,
            timeout_seconds=self._timeout_seconds,
        )

    def _make(self, maker: PackMaker, pinned: Callable[[Any], Any] | None) -> Make:
        allocate = self._allocate(pinned)
        resources = Resources(max(1, self._threads), allocate)
        sends = None if self._mover is None else self._mover.send
        steps = [step for step in (pinned, sends) if step is not None]

        def make(task: Task) -> Made:
            made = maker.make(task, resources)
            for step in steps if made.size else ():
                made = made._replace(batch=step(made.batch))
            return made

        return make

    def _allocate(self, pinned: Callable[[Any], Any] | None) -> Allocate:
        return self._buffers.empty if pinned is None else pinned_memory

    def _gather(self, work: Any, pinned: Callable[[Any], Any] | None) -> Batches:
        maker, arrays = self._choice.maker, self._choice.arrays
        if arrays is not None:
            takes, assemble = arrays
        else:
            assert maker is not None
            takes, assemble = maker.takes(), maker.batch_type._make
        if pinned is not None:
            plain, pin = assemble, pinned
            assemble = lambda values: pin(plain(values))  # noqa: E731
        if isinstance(work, Shard):
            groups: Iterable[tuple[Indices, list[int]]] = work.groups(GROUP)
        else:
            # A sampler of the user's own is asked for one batch at a time, as a DataLoader would.
            groups = ((indices, [len(indices)]) for indices in self._indices(work))
        batches = gathered(groups, takes, assemble)
        return batches if self._mover is None else one_ahead(batches, self._mover.send)

    def _indices(self, work: Iterable[Any]) -> Iterator[Indices]:
        if isinstance(work, Shard):
            return iter(work)
        return (as_indices(batch, self._count) for batch in work)

    def _tasks(self, work: Iterable[Any], seed: int, epoch: int) -> Iterator[Any]:
        if self._one_by_one:
            wrapped = ([index] for index in self._singles(work))
            return (Task(seed, epoch, as_indices(index, self._count)) for index in wrapped)
        return (Task(seed, epoch, indices) for indices in self._indices(work))

    def _lists(self, work: Iterable[Any]) -> Iterator[Any]:
        """What a dataset of the user's own is asked for: ints, or whatever the sampler yields."""
        if self._one_by_one:
            return self._singles(work)
        if isinstance(work, Shard):
            return (batch.tolist() for batch in work)
        return iter(work)

    def _singles(self, work: Iterable[Any]) -> Iterator[Any]:
        if isinstance(work, Shard):
            return (int(index) for batch in work for index in batch)
        return iter(work)


def _host_parts(mover: Mover | None, pinned: Callable[[Any], Any] | None) -> HostParts:
    """What becomes of the fields that the host makes beside DALI's images."""
    if mover is not None:
        return HostParts(mover.send, mover.join)
    move = pinned or (lambda batch: batch)
    return HostParts(move, lambda batch, images: batch._replace(**move(images)))


def _worker_processes(
    loader: DataLoader[Any], choice: Choice, keep_workers: bool, mover: Mover | None
) -> WorkerProcesses:
    options: dict[str, Any] = {
        "num_workers": loader.num_workers,
        "pin_memory": loader.pin_memory,
        "pin_memory_device": loader.pin_memory_device,
        "timeout": loader.timeout,
        "multiprocessing_context": loader.multiprocessing_context,
        "generator": loader.generator,
        "prefetch_factor": loader.prefetch_factor,
        "persistent_workers": loader.persistent_workers,
        "in_order": loader.in_order,
    }
    served, collate_fn, is_made = _served(loader, choice)
    result = from_made if is_made else as_is
    if mover is not None:
        arrivals = Arrivals(mover)
        collate_fn, result = arrivals.wrap(collate_fn), partial(_arrived, arrivals, result)
    options["collate_fn"] = collate_fn
    options["worker_init_fn"] = (
        WorkerInit(loader.worker_init_fn) if is_made else loader.worker_init_fn
    )
    return WorkerProcesses(
        served,
        options,
        result,
        content=_content(loader),
        keep_after_break=keep_workers,
    )


def _content(loader: DataLoader[Any]) -> Callable[[Tasks], dict[str, Any]]:
    if isinstance(loader.dataset, IterableDataset):
        fixed = {"batch_size": loader.batch_size, "drop_last": loader.drop_last}
        return lambda tasks: fixed  # noqa: ARG005
    if _is_one_by_one(loader):
        return lambda tasks: {"batch_size": None, "sampler": tasks}
    return lambda tasks: {"batch_sampler": tasks}


def _is_one_by_one(loader: DataLoader[Any]) -> bool:
    return loader.batch_size is None and loader.batch_sampler is None


def _served(loader: DataLoader[Any], choice: Choice) -> tuple[Any, Any, bool]:
    """What the workers read, what they collate it with, and whether that gives `Made`."""
    if choice.maker is not None:
        collate_fn = choice.collate_fn
        if collate_fn is None and choice.function is not None:
            collate_fn = default_convert if _is_one_by_one(loader) else default_collate
        served = ServedPack(
            loader.dataset,
            choice.maker,
            function=choice.function,
            collate_fn=collate_fn,
            skip_bad=choice.skip_bad,
        )
        return served, unchanged, True
    if choice.skip_bad:
        return ServedDataset(loader.dataset, loader.collate_fn), unchanged, True
    return loader.dataset, SharedCollate(loader.collate_fn), False


def _arrived(arrivals: Arrivals, result: ResultOf, arriving: Arriving, report: Report) -> Any:
    return result(arrivals.take(arriving), report)

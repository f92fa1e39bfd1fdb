"""Batches made by worker processes of a DataLoader, for any dataset and any Python function."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch.utils.data import DataLoader, get_worker_info

from fastdata.engines.losses import explained
from fastdata.engines.work import EMPTY, Made, Report

__all__ = ["Content", "ResultOf", "Tasks", "WorkerInit", "WorkerProcesses", "as_is", "from_made"]

ResultOf = Callable[[Any, Report], Any]
"""What a DataLoader's iterator gave, to the user's batch (or `EMPTY`)."""

Content = Callable[["Tasks"], dict[str, Any]]


_NOT_OURS: list[Any] = []


class Tasks:
    """The batch sampler of a DataLoader that lives longer than one epoch."""

    def __init__(self) -> None:
        self.work: Iterator[Any] = iter(())

    def __iter__(self) -> Iterator[Any]:
        return self.work


class _Quiet(DataLoader[Any]):
    """A DataLoader inside another one, which has already said what there is to say."""

    def check_worker_number_rationality(self) -> None:
        pass


class WorkerInit:
    """Runs the user's ``worker_init_fn`` with the user's own dataset in `get_worker_info`.

    Args:
        function: The user's function, or None.
    """

    def __init__(self, function: Callable[[int], None] | None) -> None:
        self._function = function

    def __call__(self, worker_id: int) -> None:
        """Called in the worker, before it reads anything."""
        info = get_worker_info()
        # The dataset is wrapped on its way here; the record is frozen in some versions of torch.
        object.__setattr__(info, "dataset", info.dataset.dataset)  # type: ignore[union-attr]
        if self._function is not None:
            self._function(worker_id)


def from_made(made: Made, report: Report) -> Any:
    """The user's batch, when the dataset makes `Made`."""
    if made.error is not None:
        raise made.error
    if made.skipped:
        report(made.skipped)
    return made.batch if made.size else EMPTY


def as_is(batch: Any, report: Report) -> Any:  # noqa: ARG001
    """The user's batch, when the dataset is the user's own."""
    return batch


class WorkerProcesses:
    """A DataLoader, and its workers for as long as they are wanted.

    Args:
        dataset: The user's, or one that makes `Made`.
        options: Arguments of DataLoader, without those that say what a batch holds.
        result: What to do with what comes back.
        content: Arguments of DataLoader that say what a batch holds, given its tasks.
        keep_after_break: Whether persistent workers outlive an epoch that is broken off.
    """

    def __init__(
        self,
        dataset: Any,
        options: dict[str, Any],
        result: ResultOf,
        *,
        content: Content,
        keep_after_break: bool = False,
    ) -> None:
        self._dataset = dataset
        self._options = options
        self._result = result
        self._content = content
        self._keep_after_break = keep_after_break
        self._kept: tuple[DataLoader[Any], Tasks] | None = None
        self._in_use: object | None = None
        self._pid = os.getpid()

    def batches(
        self, work: Iterable[Any], report: Report, *, told_length: int | None = None
    ) -> WorkerBatches:
        """The batches of one epoch; workers start here, or are taken over from the last epoch.

        Args:
            work: What each batch holds.
            report: Told of skipped samples.
            told_length: Length that an IterableDataset gave when it was asked for it; DataLoader
                warns when it turns out wrong.
        """
        persistent = self._options["persistent_workers"]
        if persistent and self._in_use is None:
            self._kept = self._kept or self._loader(persistent=True)
            loader, tasks = self._kept
            self._in_use = epoch = object()
        else:
            # Persistent workers serve one epoch at a time; a second one gets its own.
            (loader, tasks), epoch = self._loader(persistent=False), object()
        tasks.work = iter(work)
        loader._IterableDataset_len_called = told_length  # type: ignore[assignment]
        return WorkerBatches(self, iter(loader), epoch, report)

    def finished(self, epoch: object, iterator: Any, *, whole: bool) -> None:
        """Called when an epoch ends; lets go of workers that nobody asked to keep.

        Args:
            epoch: Which one.
            iterator: The DataLoader's. That it is an argument keeps it, and the queues that its
                workers hear of the end by, out of any garbage that the end is called from: workers
                of an iterator that is collected as part of a cycle would wait for ever.
            whole: Whether all batches were handed out.
        """
        if self._pid != os.getpid():
            # A forked child that collects its copy cannot end workers that are not its own; torch
            # would complain of that on stderr.
            _NOT_OURS.append(iterator)
        elif self._in_use is epoch:
            self._in_use = None
            if not whole and not self._keep_after_break:
                self._kept = None

    def broken(self) -> None:
        """Called when a worker died: the others of its DataLoader are of no use."""
        self._kept = None

    @property
    def result(self) -> ResultOf:
        """What to do with what comes back."""
        return self._result

    def _loader(self, *, persistent: bool) -> tuple[DataLoader[Any], Tasks]:
        tasks = Tasks()
        options = self._options | {"persistent_workers": persistent}
        return _Quiet(self._dataset, **self._content(tasks), **options), tasks


class WorkerBatches:
    """The batches of one epoch."""

    def __init__(
        self, owner: WorkerProcesses, iterator: Any, epoch: object, report: Report
    ) -> None:
        self._owner = owner
        self._iterator = iterator
        self._epoch = epoch
        self._report = report
        self._end = weakref.finalize(self, owner.finished, epoch, iterator, whole=False)

    def __next__(self) -> Any:
        try:
            made = next(self._iterator)
        except StopIteration:
            if self._end.detach() is not None:
                self._owner.finished(self._epoch, self._iterator, whole=True)
            raise
        except RuntimeError as error:
            lost = explained(error, self._iterator)
            if lost is None:
                raise
            self._owner.broken()
            raise lost from error
        return self._owner.result(made, self._report)

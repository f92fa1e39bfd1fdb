"""Sees a DataLoader make its batches, in worker processes or on the training thread."""

from __future__ import annotations

import multiprocessing.queues
import multiprocessing.util
import os
import queue
import sys
import threading
import time
from contextlib import ExitStack
from typing import Any

from fastdata.profiling.hooks.patches import put_around
from fastdata.profiling.hooks.staging import begin_batch, stage
from fastdata.profiling.hooks.transforming import time_transforms
from fastdata.profiling.recorders.describe import name_dataset, sample_count
from fastdata.profiling.recorders.recorder import Recorder, current
from fastdata.profiling.recorders.working import Worker

__all__ = ["install_making"]

_WORKER = "_fastdata_worker"


def install_making(undo: ExitStack) -> None:
    """Watches what fetches samples and collates them."""
    from torch.utils.data._utils.fetch import _IterableDatasetFetcher, _MapDatasetFetcher

    for fetcher in (_MapDatasetFetcher, _IterableDatasetFetcher):
        put_around(fetcher, "fetch", lambda original: _around_fetch(original, undo), undo=undo)


def _around_fetch(original: Any, undo: ExitStack) -> Any:
    def fetch(self: Any, indices: Any) -> Any:
        recorder = current()
        if recorder is None or recorder.workshop.here.worker is not None:
            return original(self, indices)
        owner, worker, times_samples = self.__dict__.get(_WORKER, (None, None, False))
        if owner is not recorder:
            worker, times_samples = _prepare(self, recorder, undo)
        begin_batch(worker, recorder, many_turns=True)
        if times_samples:
            indices = worker.clock.timed(indices)
        is_whole = False
        try:
            made = original(self, indices)
            is_whole = True
        finally:
            recorder.workshop.stop(worker, is_whole=is_whole)
        return made

    return fetch


def _prepare(fetcher: Any, recorder: Recorder, undo: ExitStack) -> tuple[Worker, bool]:
    """Has what the fetcher calls timed; gives its worker, and whether its samples can be timed."""
    from torch.utils.data import get_worker_info

    info = get_worker_info()
    dataset = fetcher.dataset
    asked = _asked_for(dataset)
    worker = recorder.workshop.worker(
        name="training thread" if info is None else f"worker {info.id}",
        kind="main" if info is None else "process",
        training_pid=os.getpid() if info is None else _training_pid(),
        dataset=name_dataset(asked),
        samples=sample_count(asked),
    )
    if _WORKER not in fetcher.__dict__:
        fetcher.collate_fn = stage("collate")(fetcher.collate_fn)
        if info is None:
            time_transforms(dataset, own_copy=False, undo=undo)
        elif not worker.is_prepared:
            # A process that lives for several epochs has a fetcher for each.
            worker.is_prepared = True
            time_transforms(dataset, own_copy=True, undo=undo)
            _time_hand_over(worker)
            _settle_before_rest(worker)
    times_samples = fetcher.auto_collation and _takes_one_by_one(fetcher)
    setattr(fetcher, _WORKER, (recorder, worker, times_samples))
    return worker, times_samples


def _takes_one_by_one(fetcher: Any) -> bool:
    """Whether each sample is made before the index of the next is looked at."""
    from torch.utils.data import Subset

    dataset = fetcher.dataset
    if type(dataset) is Subset:
        dataset = dataset.dataset
    return hasattr(fetcher, "dataset_iter") or not getattr(dataset, "__getitems__", None)


def _asked_for(dataset: Any) -> Any:
    """What the user gave to a FastLoader, which has its workers read something around it."""
    served = sys.modules.get("fastdata.engines.served")
    kinds = () if served is None else (served.ServedPack, served.ServedDataset)
    return dataset.dataset if isinstance(dataset, kinds) else dataset


def _training_pid() -> int:
    # The parent by name: that by birth may be a server that forks workers for others.
    parent = multiprocessing.parent_process()
    return os.getpid() if parent is None or parent.pid is None else parent.pid


def _time_hand_over(worker: Worker) -> None:
    """Times what this worker process does to send a batch, on the thread of its queue."""
    queues: Any = multiprocessing.queues
    plain = queues._ForkingPickler
    pid = os.getpid()

    class Timed(plain):  # type: ignore[misc, valid-type]
        @classmethod
        def dumps(cls, obj: Any, protocol: int | None = None) -> Any:
            start = time.perf_counter()
            sent = plain.dumps(obj, protocol)
            # Beside its batches it says that it is ready for the next epoch.
            is_batch = isinstance(obj, tuple) and isinstance(obj[0], int)
            if is_batch and os.getpid() == pid and threading.current_thread().daemon:
                worker.add("hand_over", time.perf_counter() - start)
            return sent

    queues._ForkingPickler = Timed


def _settle_before_rest(worker: Worker) -> None:
    """Has this worker process write what it keeps where no task lies ready, and when it ends."""
    queues: Any = multiprocessing.queues
    plain = queues.Queue.get

    def get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
        if not worker.clock.is_settled and threading.current_thread() is threading.main_thread():
            try:
                return plain(self, False)
            except queue.Empty:
                worker.clock.settle()
        return plain(self, block, timeout)

    queues.Queue.get = get
    multiprocessing.util.Finalize(None, worker.clock.settle, exitpriority=0)

"""A function as one stage of making a batch."""

from __future__ import annotations

import inspect
import os
import pkgutil
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from fastdata.profiling.clocks.stageclock import StageClock
from fastdata.profiling.hooks.patches import Around, Layer
from fastdata.profiling.hooks.unseen import is_hidden
from fastdata.profiling.recorders.describe import name_dataset
from fastdata.profiling.recorders.recorder import Recorder, current
from fastdata.profiling.recorders.working import Worker

__all__ = [
    "STAGES",
    "PlainCall",
    "as_work",
    "begin_batch",
    "here",
    "running",
    "running_worker",
    "stage",
    "time_calls",
    "work_of",
]

STAGES = Layer()
"""What only batches that are split into stages need."""


def running() -> StageClock | None:
    """The clock of the batch that this thread is making, or None."""
    worker = running_worker()
    return None if worker is None else worker.clock


def running_worker() -> Worker | None:
    """Whoever makes a batch on this thread, or None."""
    recorder = current()
    return None if recorder is None else recorder.workshop.here.worker


def as_work(
    recorder: Recorder, maker: Any, make: Callable[[], Any], count: Callable[[Any], int | None]
) -> Any:
    """The batch that `make` gives, as work of the calling thread, unless its maker is hidden.

    Args:
        recorder: The current one.
        maker: A `PackMaker`, of whose pack the batch is.
        make: Makes it.
        count: Samples in what it gives.
    """
    if is_hidden(maker):
        return make()
    worker = here(recorder, name_dataset(maker.fields.located.leaves[0]), len(maker))
    return work_of(worker, recorder, make, count)


def here(recorder: Recorder, dataset: str, samples: int | None) -> Worker:
    """The calling thread as one that makes batches of a dataset, which `describe_loader` names."""
    is_main = threading.current_thread() is threading.main_thread()
    return recorder.workshop.worker(
        name="training thread" if is_main else threading.current_thread().name,
        kind="main" if is_main else "thread",
        training_pid=os.getpid(),
        dataset=dataset,
        samples=samples,
    )


def work_of(
    worker: Worker,
    recorder: Recorder,
    make: Callable[[], Any],
    count: Callable[[Any], int | None],
) -> Any:
    """As `as_work`, for a worker of this thread."""
    begin_batch(worker, recorder)
    is_whole = False
    try:
        made = make()
        worker.clock.count_samples(count(made) or 0)
        is_whole = True
    finally:
        recorder.workshop.stop(worker, is_whole=is_whole)
    return made


def begin_batch(worker: Worker, recorder: Recorder, *, many_turns: bool = False) -> None:
    """A batch begins on this thread; see `StageClock.begin`."""
    is_needed = recorder.workshop.run(worker, many_turns=many_turns)
    if STAGES.is_laid != is_needed:
        STAGES.lay(is_needed)


def stage(name: str, operation: str = "") -> Around:
    """Makes a function count as a stage while a batch is made, and leaves it alone otherwise."""

    def around(original: Any) -> Any:
        def timed(*args: Any, **kwargs: Any) -> Any:
            clock = running() if STAGES.is_laid else None
            if clock is None or not clock.enter(name, operation):
                return original(*args, **kwargs)
            try:
                return original(*args, **kwargs)
            finally:
                clock.leave()

        return timed

    return around


def time_calls(owner: Any, calls: dict[str, str], *, undo: ExitStack) -> None:
    """Times functions of a module or class as stages.

    Args:
        owner: Holds them.
        calls: Name of a function to its stage; one that is not there is left out.
        undo: See `put_around`.
    """
    for name, stage_name in calls.items():
        if hasattr(owner, name):
            STAGES.put_around(owner, name, stage(stage_name), undo=undo)


class PlainCall:
    """A function that stays one as an attribute of a class, as built-in functions do.

    Args:
        function: What is called.
    """

    def __init__(self, function: Any) -> None:
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls it."""
        return self._function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        """A built-in function is pickled by its name, and so is what stands in its place."""
        original = inspect.unwrap(self)
        return pkgutil.resolve_name, (f"{original.__module__}:{original.__qualname__}",)

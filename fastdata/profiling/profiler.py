"""Profiles a loop of one's own, from inside its process."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any, Generic, TypeVar

from fastdata.errors import UsageError
from fastdata.profiling.assemble import Session, assemble
from fastdata.profiling.clocks.passes import Pass
from fastdata.profiling.clocks.plan import Plan
from fastdata.profiling.clocks.syncs import SyncCensus
from fastdata.profiling.findings.worksummary import work_so_far
from fastdata.profiling.hooks.fetching import begin, fetch
from fastdata.profiling.hooks.install import installed
from fastdata.profiling.hooks.syncing import count_syncs, uses_gpu
from fastdata.profiling.lanes.channel import Channel
from fastdata.profiling.lanes.synclane import tell_syncs
from fastdata.profiling.record import Profile
from fastdata.profiling.recorders.recorder import Recorder, current, use

__all__ = ["Profiler"]

Batch = TypeVar("Batch")


class Profiler:
    """Measures the training loop that runs inside it.

    ::

        with Profiler() as p:
            for batch in p.watch(loader):
                ...
                p.step()
        profile = p.report()

    A step ends with `step`, or, where that is never called, with the optimizer's. `watch` times any
    iterable of batches; a DataLoader or FastLoader is seen without it.

    Args:
        warmup: Steps at the beginning that count for themselves.
        steps: Steady steps to measure; None measures all.
        replay: Steps to try each what-if in afterwards; see `fastdata.profiling.clocks.plan`.
        loader_only: Whether the loop does nothing but take batches; those that begin an epoch are
            then steps like others, and the sums of workers are without the warm-up.
    """

    def __init__(
        self,
        *,
        warmup: int = 10,
        steps: int | None = None,
        replay: int = 0,
        loader_only: bool = False,
    ) -> None:
        self._plan = Plan(warmup=warmup, steps=steps, replay=replay, loader_only=loader_only)
        self._undo = ExitStack()
        self._session: Session | None = None
        self._recorder: Recorder | None = None
        self._census: SyncCensus | None = None

    def __enter__(self) -> Profiler:
        channel = Channel.create()
        self._session = Session(channel=channel)
        self._recorder = Recorder(channel, self._plan)
        self._undo.enter_context(installed())
        self._census = count_syncs(self._undo)
        self._undo.callback(use, current())
        use(self._recorder)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._recorder is not None:
            self._recorder.end()
        self._undo.close()
        if self._session is not None and self._census is not None and uses_gpu():
            tell_syncs(self._session.channel, self._census)

    def watch(self, loader: Iterable[Batch]) -> _Watched[Batch]:
        """The loader, with every pass over it timed.

        Raises:
            UsageError: The profiler is not running.
        """
        return _Watched(loader, self._running())

    def step(self) -> None:
        """Ends a step; the first call takes the place of the optimizer's.

        Raises:
            UsageError: The profiler is not running.
        """
        recorder = self._running()
        ledger = recorder.thread().ledger
        if recorder.ends_by_optimizer and ledger.steps:
            # The optimizer has just ended this one.
            recorder.ends_by_optimizer = False
            return
        recorder.ends_by_optimizer = False
        ledger.end_step()
        if self._plan.loader_only and ledger.steps == self._plan.warmup:
            self._leave_out_work()

    def report(self) -> Profile:
        """What was measured so far.

        Raises:
            UsageError: The profiler was never entered.
        """
        if self._session is None:
            raise UsageError("nothing was measured; run the loop inside 'with Profiler() as p:'")
        if self._recorder is not None and current() is self._recorder:
            self._recorder.settle()
        return assemble(self._session)

    def _leave_out_work(self) -> None:
        """Leaves what workers have done so far, first reads above all, out of their sums."""
        assert self._session is not None
        self._running().workshop.settle()
        self._session.work_before = work_so_far(self._session.channel.lanes(), time.perf_counter())

    def _running(self) -> Recorder:
        if self._recorder is None or current() is not self._recorder:
            raise UsageError(
                "the profiler is not running; call this inside 'with Profiler() as p:'"
            )
        return self._recorder


class _Watched(Generic[Batch]):
    """An iterable of batches, timed."""

    def __init__(self, loader: Iterable[Batch], recorder: Recorder) -> None:
        self._loader = loader
        self._recorder = recorder

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Batch]:
        thread = self._recorder.thread()
        make = functools.partial(_Passing, self._loader)
        passing: _Passing = begin(self._loader, make, thread)
        return passing.timed(self._recorder)


class _Passing:
    """One pass; holds what `begin` notes of it.

    Attributes:
        batches: The loader's own iterator.
    """

    def __init__(self, loader: Iterable[Any]) -> None:
        self.batches = iter(loader)
        self._fastdata_pass: tuple[int, Pass] | None = None

    def timed(self, recorder: Recorder) -> Iterator[Any]:
        """The batches."""
        noted, take = self._fastdata_pass, functools.partial(next, self.batches)
        while True:
            try:
                # Inside another pass that is timed, or after the profiler's end.
                if noted is None or current() is not recorder:
                    batch = take()
                else:
                    batch = fetch(noted[1], take, recorder)
            except StopIteration:
                return
            yield batch

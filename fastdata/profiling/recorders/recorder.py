"""What one process writes down of its training: a ledger for each thread, and whose steps count."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

from fastdata.profiling.clocks.ledger import Ledger
from fastdata.profiling.clocks.marks import StreamMarks, cuda_marks
from fastdata.profiling.clocks.passes import Pass, StepNotes
from fastdata.profiling.clocks.plan import Plan
from fastdata.profiling.clocks.step import OPTIMIZER, StepFigures
from fastdata.profiling.lanes.channel import Channel
from fastdata.profiling.lanes.steplane import StepLane
from fastdata.profiling.recorders.describe import describe_loader, describe_process
from fastdata.profiling.recorders.replay import Replay
from fastdata.profiling.recorders.working import Workshop

__all__ = ["Recorder", "Thread", "current", "use"]

_current: Recorder | None = None


def current() -> Recorder | None:
    """The recorder of this process, which all hooks write to; None where nothing is profiled."""
    return _current


def use(recorder: Recorder | None) -> None:
    """Makes `recorder` the current one."""
    global _current
    _current = recorder


class Recorder:
    """Takes down the steps of this process.

    Args:
        channel: Where they are written.
        plan: Which steps are written, and what is tried.
        ends_by_optimizer: Whether a step of the first optimizer ends one; else `end_step` does.

    Attributes:
        copy_streams: Handles of the CUDA streams, other than the default ones, on which data were
            copied to a GPU.
    """

    def __init__(self, channel: Channel, plan: Plan, *, ends_by_optimizer: bool = True) -> None:
        self.channel = channel
        self.ends_by_optimizer = ends_by_optimizer
        self.fetching_threads: set[int] = set()
        self._relays: set[int] = set()
        self.copy_streams: set[int] = set()
        self.background_loader: dict[str, Any] | None = None
        self.background_thread: str | None = None
        self.sees_handover = False
        self.workshop = Workshop(channel)
        self.plan = plan
        self._local = threading.local()

    def thread(self) -> Thread:
        """What belongs to the calling thread."""
        try:
            found: Thread = self._local.thread
        except AttributeError:
            found = self._local.thread = Thread(self)
        return found

    def settle(self) -> None:
        """Has the calling thread write what it has kept of its steps and batches."""
        self.thread().ledger.settle()
        self.workshop.settle()

    def end(self) -> None:
        """The run ends; so does what the calling thread tried, and threads begin anew if at all."""
        self.thread().finish()
        self.settle()
        # What a thread-local holds that leads back to it is kept until its thread ends.
        self._local = threading.local()

    def renewed(self) -> Recorder:
        """One like it, for a forked process."""
        return Recorder(self.channel, self.plan, ends_by_optimizer=self.ends_by_optimizer)

    def see_background(self, loader: dict[str, Any]) -> None:
        """Notes that the calling thread takes batches for another one.

        Args:
            loader: What `describe_loader` says of it.
        """
        self.fetching_threads.add(threading.get_ident())
        self.background_thread = threading.current_thread().name
        self.background_loader = loader

    def has_batches(self, giver: int | None) -> bool:
        """Whether `giver` is a thread that takes batches; then the calling one has one now.

        Args:
            giver: The thread that has let the calling one go on; None where that is not known.
        """
        if giver not in self.fetching_threads and giver not in self._relays:
            return False
        ident = threading.get_ident()
        if ident != giver and threading.current_thread() is not threading.main_thread():
            self._relays.add(ident)
        return True


class Thread:
    """The ledger of one thread, and the optimizer whose steps are its steps.

    Attributes:
        fetching: What `describe_loader` says of the loader that was asked for a batch last.
        is_main: Whether it is the main one of its process.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._lane = StepLane(recorder.channel, recorder.plan)
        self._replay = Replay(recorder.plan, self._lane.tell)
        self._told: dict[str, Any] | None = None
        self.fetching: dict[str, Any] | None = None
        self._leader: Any = None
        self._inside: list[tuple[int, bool]] = []
        self.tries = bool(recorder.plan.replay)
        self.ident = threading.get_ident()
        self.is_main = threading.current_thread() is threading.main_thread()
        self.ledger = Ledger(self._write, find_marks=self._find_marks)

    def begin_optimizer(self, optimizer: Any, *, is_scaler: bool = False) -> None:
        """An optimizer begins a step, or a gradient scaler that may call it."""
        if self.ledger.enter(OPTIMIZER):
            self._inside.append((id(optimizer), is_scaler))

    def end_optimizer(self, optimizer: Any, *, is_scaler: bool = False) -> None:
        """It has done so; a scaler also where it left the step out."""
        key = id(optimizer), is_scaler
        if key not in self._inside:
            return
        self._leave(key)
        if self.ledger.is_idle and self._recorder.ends_by_optimizer and self._leads(optimizer):
            self.ledger.end_step(has_just_left=True)

    def _leave(self, key: tuple[int, bool]) -> None:
        # What an exception has left open since, this step's or an earlier one's, is closed with it.
        position = self._inside.index(key)
        for _ in self._inside[position:]:
            self.ledger.leave()
        del self._inside[position:]

    def _leads(self, optimizer: Any) -> bool:
        # Of several optimizers, as of a GAN, the first one counts the steps, as long as it lives.
        leader = None if self._leader is None else self._leader()
        if leader is None:
            self._leader, leader = weakref.ref(optimizer), optimizer
        return leader is optimizer

    def _find_marks(self) -> StreamMarks | None:
        leader = None if self._leader is None else self._leader()
        return cuda_marks(_gpu_of(leader))

    def begin_pass(self, loader: Any) -> Pass:
        """A pass over a loader begins, which the ledger must not keep alive."""
        return self.ledger.begin_pass(describe_loader(loader))

    def choose_batch(self, one: Pass, take: Callable[[], Any]) -> Callable[[], Any]:
        """How to get the next batch of a pass: by `take`, unless one is replayed."""
        chosen = self._replay.choose(one, take, done=self.ledger.steps)

        def got() -> Any:
            batch = chosen()
            self.ledger.phase = self._replay.phase
            return batch

        return got

    def finish(self) -> None:
        """The run ends; so does whatever was being tried."""
        self._replay.close()

    def _write(self, step: StepFigures, notes: StepNotes) -> None:
        is_first = not self._lane.is_open
        self._lane.write(step, notes)
        if is_first:
            self._lane.tell(**describe_process(), tries=self.tries)
        trained = self.ledger.trained_loader
        loader = trained or self._recorder.background_loader
        if loader is None:
            return
        facts = {
            "loader": loader,
            "background": None if self.ledger.fetches else self._recorder.background_thread,
            "sees_handover": self._recorder.sees_handover,
        }
        if facts != self._told:
            self._told = facts
            self._lane.tell(**facts)


def _gpu_of(optimizer: Any) -> int | None:
    """Index of the GPU on which its first parameter lies; None where that is on none."""
    groups = getattr(optimizer, "param_groups", None) or [{}]
    first: Any = next(iter(groups[0].get("params", ())), None)
    index: int | None = first.device.index if getattr(first, "is_cuda", False) else None
    return index

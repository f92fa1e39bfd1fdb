"""The ledger of one training thread: every moment belongs to one row, every row to one step.

A step ends with the optimizer's. A pass over a loader belongs to training once `backward` follows
one of its batches on the same thread; until then it is on trial. Where it turns out to be
something else, such as a validation, all since its beginning is taken out of the step.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from fastdata.profiling.clocks.corewait import CoreClock
from fastdata.profiling.clocks.marks import StreamMarks, cuda_marks
from fastdata.profiling.clocks.passes import Pass, StepNotes
from fastdata.profiling.clocks.plan import NORMAL
from fastdata.profiling.clocks.step import (
    FIRST_BATCH,
    OPTIMIZER,
    UNNAMED,
    VALIDATION,
    WAIT,
    StepFigures,
    Turn,
    resolve,
)
from fastdata.timing import Clock

__all__ = ["Ledger", "StepDone"]

# Turns without a step: a thread that does not train, or runs a model without training it.
_MOST_TURNS = 1 << 16
# A pass that has run this long without a `backward` will see none; its turns are let go.
_MOST_ON_TRIAL = 4096
# Steps whose events the GPU has not reached. So many are in flight only when it hangs.
_MOST_PENDING = 256
# What costs tens of microseconds, most of them to load code that a step's own work has driven out
# of the caches, is done after each of the first steps, and then after every few: for so many it
# costs little more than for one. That is also how many steps on a GPU a killed process loses.
_FIRST = 32
_TOGETHER = 8
_WITHIN_SECONDS = 0.25
# Rows that may have others inside: a closure runs in the optimizer.
_OPEN = (UNNAMED, OPTIMIZER)


StepDone = Callable[[StepFigures, StepNotes], None]


class Ledger:
    """Splits the time of the thread that it belongs to.

    Args:
        on_step: Told of each step once its times are known, on this thread.
        clock: The wall clock.
        cpu_clock: CPU time of this thread.
        process_clock: CPU time of all threads of the process.
        find_marks: Finds the GPU's clock, once there is one.
    """

    def __init__(
        self,
        on_step: StepDone,
        *,
        clock: Clock = time.perf_counter,
        cpu_clock: Clock = time.thread_time,
        process_clock: Clock = time.process_time,
        find_marks: Callable[[], StreamMarks | None] = cuda_marks,
    ) -> None:
        self._on_step = on_step
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._process_clock = process_clock
        self._process_cpu = process_clock()
        self._find_marks = find_marks
        self._marks: StreamMarks | None = None
        self._rows = [UNNAMED]
        self._turns: list[Turn] = []
        self._notes = StepNotes()
        self._on_trial: list[Pass] = []
        self._trained: Pass | None = None
        self._core_clock = CoreClock()
        self._looked_at = 0.0
        self.steps = 0
        self.phase = NORMAL
        self._pending: deque[tuple[list[Turn], StepNotes]] = deque()
        self._turn(UNNAMED)

    @property
    def trained_loader(self) -> Any:
        """Of the newest training pass; None when there was none."""
        return None if self._trained is None else self._trained.loader

    @property
    def fetches(self) -> bool:
        """Whether the thread itself took the batches of its newest training pass."""
        return self._trained is not None and self._trained.batches > 0

    @property
    def is_idle(self) -> bool:
        """Whether the thread is in none of the rows."""
        return len(self._rows) == 1

    def trains_on(self, stream: Any) -> bool:
        """Whether the steps are timed on this stream of a GPU."""
        return self._marks is not None and self._marks.is_on(stream)

    def enter(self, row: str) -> bool:
        """Turns to `row`; whoever gets True calls `leave`.

        Only an optimizer has rows inside it, those of its closure; elsewhere the outer row counts,
        such as `backward` when it computes activations again.
        """
        if self._rows[-1] not in _OPEN:
            return False
        self._rows.append(row)
        self._turn(row)
        return True

    def leave(self) -> None:
        """Turns back to what was before the last `enter`."""
        self._rows.pop()
        self._turn(self._rows[-1])

    def leave_unnamed(self) -> None:
        """As `leave`, where what was entered turned out to be nothing of that name."""
        self.leave()
        self._turns[-2] = (UNNAMED, *self._turns[-2][1:])

    def begin_pass(self, loader: Any) -> Pass:
        """Begins a pass; call it before `enter(WORKER_START)`."""
        begun = Pass(loader, len(self._turns))
        self._on_trial.append(begun)
        return begun

    def begin_fetch(self, of: Pass) -> bool:
        """Turns to waiting for a batch, as `enter` does."""
        if len(self._rows) == 1:
            if of.is_training and self._on_trial:
                self._end_trials(self._on_trial[0])
            elif of.is_training is False:
                # One batch at a time of a pass that was left alone in between.
                of.is_training, of.begun_at = None, len(self._turns)
                self._on_trial.append(of)
        return self.enter(WAIT if of.batches else FIRST_BATCH)

    def end_fetch(self, of: Pass, samples: int | None, *, is_ready: bool | None) -> None:
        """Turns back; `of` has given a batch."""
        self.leave()
        of.batches += 1
        notes = of.notes if of.is_training is None else self._notes
        notes.add(samples, is_ready=is_ready)
        if of.is_training is None and len(self._turns) - of.begun_at > _MOST_ON_TRIAL:
            self._leave_out(of.begun_at)

    def end_pass(self, of: Pass) -> None:
        """Turns back from a fetch that found the end of the pass."""
        self.leave()
        if of in self._on_trial and self.is_idle:
            self._end_trials(of)

    def see_forward(self, *, with_grad: bool) -> None:
        """Notes that a model runs."""
        if self._on_trial:
            self._on_trial[-1].without_grad = not with_grad

    def see_backward(self) -> None:
        """Notes that the batches taken last are trained on."""
        if not self._on_trial:
            return
        last = self._on_trial.pop()
        for one in reversed(self._on_trial):
            if one.without_grad:
                one.is_training = False
                self._leave_out(one.begun_at, last.begun_at)
            else:
                self._join(one)
        self._join(last)
        self._trained, self._on_trial = last, []

    def _join(self, one: Pass) -> None:
        one.is_training = True
        self._notes.join(one.notes)

    def end_step(self, *, has_just_left: bool = False) -> None:
        """Ends the step here; what follows until this returns is the profiler's, and in no step.

        Args:
            has_just_left: `leave` was called just before: the step ends with that turn.
        """
        if not has_just_left:
            self._turn(self._rows[-1])
        self.see_backward()
        notes, self._notes = self._notes, StepNotes()
        self.steps += 1
        notes.phase = self.phase
        before, self._process_cpu = self._process_cpu, self._process_clock()
        notes.process_cpu = self._process_cpu - before
        notes.is_drained = self._marks is not None and self._is_drained(self._marks)
        turns, self._turns = self._turns, []
        self._pending.append((turns, notes))
        if self._looks_around(turns[-1][1]):
            notes.core_wait = self._core_clock.read()
            self.settle()
            self._follow_gpu()
        elif self._marks is None:
            self.settle()
        self._turn(self._rows[-1])

    def _looks_around(self, now: float) -> bool:
        """Whether it is time for what is not done after every step."""
        is_time = (
            self.steps <= _FIRST
            or self.steps % _TOGETHER == 0
            or now - self._looked_at > _WITHIN_SECONDS
        )
        if is_time:
            self._looked_at = now
        return is_time

    def _follow_gpu(self) -> None:
        if self._marks is None:
            self._marks = self._find_marks()
        else:
            self._marks.follow()

    def _is_drained(self, marks: StreamMarks) -> bool:
        mark = next((turn[3] for turn in reversed(self._turns) if turn[0] == OPTIMIZER), None)
        return mark is not None and marks.is_reached(mark)

    def _turn(self, row: str) -> None:
        if len(self._turns) >= _MOST_TURNS:
            self._turns = self._turns[-1:]
            for one in self._on_trial:
                one.begun_at = 0
        mark = None if self._marks is None else self._marks.mark()
        self._turns.append((row, self._clock(), self._cpu_clock(), mark))

    def _end_trials(self, first: Pass) -> None:
        """Takes out of the step what this pass, and those begun within it, have taken."""
        position = self._on_trial.index(first)
        for one in self._on_trial[position:]:
            one.is_training, one.notes = False, StepNotes()
        del self._on_trial[position:]
        self._leave_out(first.begun_at)

    def _leave_out(self, begin: int, end: int | None = None) -> None:
        """Makes one turn of those from `begin` to before `end`, or to now."""
        if end is None:
            self._turn(self._rows[-1])
            end = len(self._turns) - 1
        self._turns[begin:end] = [(VALIDATION, *self._turns[begin][1:])]

    def settle(self) -> None:
        """Reads the steps that the GPU has done; the end of the run does, and those of steps."""
        while self._pending:
            turns, notes = self._pending[0]
            marks = self._marks
            # A turn inside the capture of a CUDA graph has no mark; the wall clock knows them all.
            if marks is not None and any(turn[3] is None for turn in turns):
                marks = None
            if marks is not None and not marks.is_reached(turns[-1][3]):
                break
            self._pending.popleft()
            self._on_step(resolve(turns, marks), notes)
            if marks is not None:
                marks.release(turn[3] for turn in turns)
        while len(self._pending) > _MOST_PENDING:
            self._pending.popleft()

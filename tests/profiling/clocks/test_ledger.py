"""Every moment of a training thread belongs to one row and one step, on a clock tests can turn."""

from __future__ import annotations

from typing import Any

import pytest

from fastdata.profiling.clocks.corewait import CoreClock
from fastdata.profiling.clocks.ledger import Ledger
from fastdata.profiling.clocks.passes import Pass, StepNotes
from fastdata.profiling.clocks.step import (
    BACKWARD,
    COPY,
    FORWARD,
    OPTIMIZER,
    WAIT,
    WORKER_START,
    StepFigures,
)
from fastdata.profiling.record import ROWS


class Run:
    """A training loop that is told how long each thing takes, in seconds."""

    def __init__(self, marks: Any = None) -> None:
        self.now = self.cpu = 100.0
        self.steps: list[StepFigures] = []
        self.notes: list[StepNotes] = []
        self.ledger = Ledger(
            self.note, clock=lambda: self.now, cpu_clock=lambda: self.cpu, find_marks=lambda: marks
        )

    def note(self, step: StepFigures, notes: StepNotes) -> None:
        self.steps.append(step)
        self.notes.append(notes)

    def spend(self, seconds: float, *, cpu: float = 0.0) -> None:
        self.now += seconds
        self.cpu += cpu

    def do(self, row: str, seconds: float) -> None:
        opened = self.ledger.enter(row)
        self.spend(seconds)
        if opened:
            self.ledger.leave()

    def begin(self, seconds: float = 0.5, name: str = "loader") -> Pass:
        begun = self.ledger.begin_pass(name)
        self.do(WORKER_START, seconds)
        return begun

    def fetch(self, of: Pass, seconds: float, *, samples: int = 4, is_ready: bool = False) -> None:
        self.ledger.begin_fetch(of)
        self.spend(seconds)
        self.ledger.end_fetch(of, samples, is_ready=is_ready)

    def end(self, of: Pass) -> None:
        self.ledger.begin_fetch(of)
        self.spend(0.125)
        self.ledger.end_pass(of)

    def forward(self, seconds: float, *, with_grad: bool = True) -> None:
        self.ledger.see_forward(with_grad=with_grad)
        self.do(FORWARD, seconds)

    def backward(self, seconds: float) -> None:
        self.ledger.see_backward()
        self.do(BACKWARD, seconds)

    def step(self, seconds: float) -> None:
        self.do(OPTIMIZER, seconds)
        self.ledger.end_step()

    def train(self, of: Pass, wait: float) -> None:
        self.fetch(of, wait)
        self.do(COPY, 0.25)
        self.forward(1.0)
        self.backward(2.0)
        self.step(0.5)


def test_the_rows_of_a_step_add_up_to_its_wall_time() -> None:
    run = Run()
    training = run.begin()
    run.train(training, 8.0)
    run.fetch(training, 4.0)
    run.do(COPY, 0.25)
    run.spend(2.0, cpu=0.5)
    run.forward(1.0)
    run.backward(2.0)
    run.step(0.5)
    first, second = run.steps
    assert (first.epochs, first.worker_start, first.first_batch) == (1, 0.5, 8.0)
    assert second.epochs == 0 and second.wall == 9.75
    assert tuple(second.rows) == ROWS
    assert tuple(second.rows.values()) == (4.0, 0.25, 1.0, 2.0, 0.5, 0.5, 1.5)
    assert (run.notes[1].fetches, run.notes[1].samples, run.notes[1].ready) == (1, 4, 0)


def test_what_the_profiler_does_at_the_end_of_a_step_is_in_no_step() -> None:
    run = Run()

    class Slow(list[StepNotes]):
        def append(self, notes: StepNotes) -> None:
            run.spend(16.0, cpu=16.0)
            super().append(notes)

    run.notes = Slow()
    training = run.begin()
    run.train(training, 8.0)
    run.train(training, 4.0)
    first, second = run.steps
    assert second.start - first.start == first.wall + 16.0 and second.wall == 7.75
    assert second.rows["other_host_work"] == second.rows["residual"] == 0.0


def test_accumulated_batches_are_one_step() -> None:
    run = Run()
    training = run.begin()
    for _ in range(3):
        run.fetch(training, 1.0)
        run.forward(1.0)
        run.backward(1.0)
    run.step(1.0)
    (step,) = run.steps
    assert step.rows[FORWARD] == 3.0 and step.wall == 10.5
    assert (run.notes[0].fetches, run.notes[0].samples) == (3, 12)


def test_a_closure_in_the_optimizer_keeps_its_own_rows() -> None:
    run = Run()
    training = run.begin(0.0)
    run.fetch(training, 1.0)
    run.ledger.enter(OPTIMIZER)
    run.spend(0.5)
    run.forward(1.0)
    run.backward(2.0)
    run.spend(0.25)
    run.ledger.leave()
    run.ledger.end_step()
    rows = run.steps[0].rows
    assert (rows[FORWARD], rows[BACKWARD], rows[OPTIMIZER]) == (1.0, 2.0, 0.75)


def test_what_backward_computes_again_is_backward() -> None:
    run = Run()
    training = run.begin(0.0)
    run.fetch(training, 1.0)
    run.ledger.see_backward()
    run.ledger.enter(BACKWARD)
    run.forward(1.0)
    run.ledger.leave()
    run.step(0.5)
    assert (run.steps[0].rows[FORWARD], run.steps[0].rows[BACKWARD]) == (0.0, 1.0)


def validate(run: Run, batches: int = 3) -> Pass:
    of = run.begin(name="validation")
    for _ in range(batches):
        run.fetch(of, 7.0)
        run.forward(5.0, with_grad=False)
    return of


@pytest.mark.parametrize("batches", [3, 5_000])
@pytest.mark.parametrize("is_whole", [True, False])
def test_validation_between_steps_is_no_part_of_them(batches: int, is_whole: bool) -> None:
    run = Run()
    training = run.begin()
    run.train(training, 1.0)
    validation = validate(run, batches)
    if is_whole:
        run.end(validation)
        run.spend(0.5)
    run.train(training, 1.0)
    second = run.steps[1]
    # What follows a whole pass is work of the loop.
    assert second.wall == 4.75 + 0.5 * is_whole and second.rows[WAIT] == 1.0 and second.epochs == 0
    assert second.validation == 0.5 + 12.0 * batches + 0.125 * is_whole
    assert second.validation_passes == 1
    assert (run.notes[1].fetches, run.ledger.trained_loader) == (1, "loader")


def test_a_validation_that_is_broken_off_before_the_next_epoch_is_no_part_of_it() -> None:
    run = Run()
    run.train(run.begin(), 1.0)
    validate(run)
    run.train(run.begin(), 1.0)
    assert run.steps[1].wall == 5.25 and run.steps[1].validation == 36.5
    assert run.notes[1].fetches == 1


def test_one_validation_batch_now_and_then_is_no_part_of_a_step() -> None:
    run = Run()
    training = run.begin()
    run.train(training, 1.0)
    validation = validate(run, 1)
    for _ in range(3):
        run.train(training, 1.0)
        run.fetch(validation, 7.0)
        run.forward(5.0, with_grad=False)
    assert [step.wall for step in run.steps[1:]] == [4.75] * 3
    assert [step.validation for step in run.steps[1:]] == [12.5, 12.0, 12.0]


def test_a_teacher_without_gradients_makes_no_validation_of_training() -> None:
    run = Run()
    training = run.begin()
    run.fetch(training, 1.0)
    run.forward(1.0, with_grad=False)
    run.forward(1.0)
    run.backward(1.0)
    run.step(1.0)
    assert run.steps[0].rows[FORWARD] == 2.0 and run.steps[0].validation == 0


def test_two_loaders_may_train_together() -> None:
    run = Run()
    one, other = run.begin(name="labelled"), run.begin(name="unlabelled")
    for _ in range(2):
        run.fetch(one, 1.0)
        run.fetch(other, 2.0)
        run.forward(1.0)
        run.backward(1.0)
        run.step(1.0)
    assert run.steps[1].rows[WAIT] == 3.0 and run.notes[1].samples == 8


class Stream:
    """A GPU whose work is done at `done_at`; marks lie on its clock."""

    def __init__(self) -> None:
        self.run: Run
        self.done_at = 0.0
        self.reached = True
        self.released = 0

    def mark(self) -> float:
        return max(self.run.now, self.done_at)

    def is_reached(self, mark: float) -> bool:
        return self.reached

    def times(self, marks: list[float]) -> list[float]:
        return [mark - marks[0] for mark in marks]

    def follow(self) -> None:
        pass

    def release(self, marks: Any) -> None:
        self.released += len(list(marks))


def on_stream() -> tuple[Run, Stream, Pass]:
    stream = Stream()
    run = Run(stream)
    stream.run = run
    training = run.begin()
    run.train(training, 1.0)
    return run, stream, training


def test_a_wait_that_the_gpu_covers_is_hidden() -> None:
    """The loader is asked at 0 and answers at 4; the stream is at work until 3."""
    run, stream, training = on_stream()
    stream.done_at = run.now + 3.0
    run.fetch(training, 4.0)
    stream.done_at = run.now + 5.0
    run.backward(0.5)
    run.step(0.5)
    run.spend(0.0)
    step = run.steps[1]
    assert (step.on_stream, step.rows[WAIT], step.hidden) == (True, 1.0, 3.0)


def test_steps_wait_in_line_until_the_gpu_has_done_them() -> None:
    run, stream, training = on_stream()
    stream.reached = False
    run.train(training, 1.0)
    assert len(run.steps) == 1
    stream.reached = True
    run.train(training, 1.0)
    assert len(run.steps) == 3 and stream.released > 0


def train_quickly(run: Run, of: Pass, steps: int) -> None:
    """Steps of 1 ms; the clock of a test has others take seconds."""
    for _ in range(steps):
        run.fetch(of, 0.0005)
        run.backward(0.0005)
        run.step(0.0)


def test_quick_steps_on_a_gpu_are_read_several_at_a_time_and_none_is_lost() -> None:
    run, _, training = on_stream()
    train_quickly(run, training, 39)
    assert len(run.steps) == 40
    train_quickly(run, training, 7)
    assert len(run.steps) == 40
    train_quickly(run, training, 1)
    assert len(run.steps) == 48 and all(step.on_stream for step in run.steps[1:])
    train_quickly(run, training, 3)
    run.spend(1.0)
    train_quickly(run, training, 1)
    assert len(run.steps) == 52
    train_quickly(run, training, 2)
    run.ledger.settle()
    assert len(run.steps) == 54
    assert [step.rows[WAIT] for step in run.steps[1:]] == pytest.approx([0.0005] * 53)


def test_steps_without_a_gpu_are_read_one_by_one() -> None:
    run = Run()
    training = run.begin()
    for steps in range(1, 50):
        train_quickly(run, training, 1)
        assert len(run.steps) == steps


def test_no_wait_for_a_core_is_lost_between_two_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system counts 1 ms a step."""
    waited = [0.0]
    monkeypatch.setattr(CoreClock, "_total", lambda _: waited[0])
    run = Run()
    training = run.begin()
    for _ in range(64):
        waited[0] += 0.001
        train_quickly(run, training, 1)
    waits = [notes.core_wait or 0.0 for notes in run.notes]
    assert sum(waits) == pytest.approx(0.064) and waits[:32] == pytest.approx([0.001] * 32)
    assert sum(wait > 0 for wait in waits[32:]) == 4

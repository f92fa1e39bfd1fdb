"""Waiting and computing are told apart, exactly, by a clock that tests can turn."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from small_runs import NotedLoss, batches, network, trainer

from fastdata.training import LogLine, TrainConfig, Trainer
from fastdata.training.clock import StepClock
from fastdata.training.lines import describe


class Turned:
    """A clock that goes on only when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_waits_and_work_add_up_and_the_first_batch_counts_for_itself() -> None:
    turned = Turned()
    clock = StepClock(torch.device("cpu"), turned)

    def loader() -> Iterator[int]:
        for batch, wait in enumerate([5.0, 0.25, 0.5]):
            turned.now += wait
            yield batch

    clock.read()
    for _ in clock.timed(loader()):
        turned.now += 2.0
        with clock.paused():
            turned.now += 30.0
    times = clock.read()
    assert clock.first_batch_seconds == 5.0
    assert (times.exposed, times.hidden, times.wall) == (0.75, 0.0, 6.75)
    turned.now += 1.0
    again = clock.read()
    assert (again.exposed, again.wall) == (0.0, 1.0)


def test_the_wait_that_the_device_covered_is_hidden() -> None:
    """The stream is at work until 3.0, the loader answers at 4.0, having been asked at 1.0."""
    turned = Turned()
    clock = StepClock(torch.device("cpu"), turned)
    # Two for the first batch's beginning and the second one's wait, one that finds the end.
    stream = iter([0.0, 3.0, 4.0, 4.0])

    class Event:
        def __init__(self) -> None:
            self.at = next(stream)

        def elapsed_time(self, end: Any) -> float:
            return (end.at - self.at) * 1e3

    clock._event = Event  # type: ignore[method-assign]

    def loader() -> Iterator[int]:
        yield 0
        turned.now += 3.0
        yield 1

    list(clock.timed(loader()))
    times = clock.read()
    assert (times.exposed, times.hidden) == (1.0, 2.0)


def test_a_log_line_holds_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[Any] = []
    own = trainer(network(), NotedLoss(), log_interval=2, accumulate=2, report=lines.append)
    own.fit(batches(*[3] * 11))
    logged = [line for line in lines if isinstance(line, LogLine)]
    assert [line.step for line in logged] == [2, 4, 6]
    assert [line.samples for line in logged] == [12, 12, 9]
    for line in logged:
        assert line.step_seconds == pytest.approx(line.data_seconds + line.compute_seconds)
        assert 0 <= line.data_share <= 1 and line.hidden_seconds == 0
        assert line.memory_bytes > 0 and line.samples_per_second > 0


LINE = LogLine(
    epoch=1, step=150, loss=0.53211, lr=3e-4, samples=640, samples_per_second=1234.5,
    step_seconds=0.0052, data_seconds=0.0012, hidden_seconds=0.0031, compute_seconds=0.004,
    data_share=0.23, skipped_steps=2, memory_bytes=3 << 30,
)  # fmt: skip


def test_a_line_says_data_and_compute_time() -> None:
    assert describe(LINE) == (
        "epoch 1 step 150  loss 0.5321  lr 3.00e-04  1,234 samples/s  data 1.2 ms (23%) "
        "+3.1 ms hidden  compute 4.0 ms  3.0 GiB  skipped 2"
    )


def test_every_record_of_a_run_is_a_line(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="fastdata.training"):
        own = Trainer(
            network(),
            NotedLoss(),
            config=TrainConfig(epochs=1, log_interval=2, precision="fp32"),
            folder=tmp_path,
        )
        own.fit(batches(4, 4), batches(4))
    said = [record.message for record in caplog.records]
    for part in (
        "training 74 parameters on cpu in fp32: 2 steps",
        "precision = fp32: asked for",
        "step 2  loss",
        "epoch 0 done: loss",
        "evaluation at step 2: loss",
        "saved ",
        "finished after step 2",
    ):
        assert any(part in line for line in said), part


@pytest.mark.needs_gpu
def test_on_a_gpu_a_late_loader_is_hidden_by_long_steps() -> None:
    """The loader takes 20 ms, the GPU about 100: its wait is covered."""
    import time

    def loader() -> Iterator[int]:
        for batch in range(6):
            if batch:
                time.sleep(0.02)
            yield batch

    device = torch.device("cuda")
    work = torch.randn(8192, 8192, device=device)
    clock = StepClock(device)
    for _ in clock.timed(loader()):
        for _ in range(40):
            work @ work
    torch.cuda.synchronize()
    times = clock.read()
    assert times.hidden > 0.09 and times.exposed < 0.01

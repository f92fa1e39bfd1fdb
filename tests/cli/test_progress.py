"""Progress on a pipe: a line now and then, with rate and remaining time."""

from __future__ import annotations

import pytest

from fastdata.cli.progress import Meter


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_pipe_gets_a_line_every_five_seconds_and_a_last_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = FakeClock()
    with Meter("packing", unit="samples", clock=clock) as meter:
        for done in range(1, 49):
            clock.now += 0.25
            meter.update(done, 48)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "packing: 20/48 samples, 4.0/s, 7.0 s left",
        "packing: 40/48 samples, 4.0/s, 2.0 s left",
        "packing: 48/48 samples, 4.0/s",
    ]


def test_the_rate_forgets_a_slow_start(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    with Meter("packing", unit="samples", clock=clock) as meter:
        clock.now += 60
        meter.update(1, 1000)
        for done in range(2, 402):
            clock.now += 0.05
            meter.update(done, 1000)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "packing: 401/1,000 samples, 20/s, 30.0 s left"


def test_an_unknown_total_and_more_words(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    with Meter("packing", unit="samples", clock=clock) as meter:
        clock.now += 2
        meter.update(3, None, "1 rejected\n")
    assert capsys.readouterr().err == "packing: 3 samples, 1.5/s, 1 rejected\\n\n"


def test_what_never_began_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError), Meter("packing", unit="samples"):
        raise ValueError
    assert capsys.readouterr().err == ""


def test_nothing_is_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    with Meter("packing", unit="samples", clock=clock) as meter:
        clock.now += 6
        meter.update(5, 5)
    assert len(capsys.readouterr().err.splitlines()) == 1

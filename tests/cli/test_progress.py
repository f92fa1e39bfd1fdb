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
        meter.update(0, None)
        clock.now += 6
        meter.update(9, None, "1 rejected\n")
    assert capsys.readouterr().err == "packing: 9 samples, 1.5/s, 1 rejected\\n\n"


def test_a_short_last_phase_shows_no_rate(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    with Meter("packing", unit="samples", clock=clock) as meter:
        for words in ("", "checking"):
            for done in (1, 9):
                clock.now += 0.5
                meter.update(done, 9, words)
    assert capsys.readouterr().err == "packing: 9/9 samples, checking\n"


def test_what_never_began_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError), Meter("packing", unit="samples"):
        raise ValueError
    assert capsys.readouterr().err == ""


def test_each_phase_and_a_resumed_run_have_a_rate_of_their_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = FakeClock()
    with Meter("packing", unit="samples", clock=clock) as meter:
        for begin, rate in ((900, 1), (500, 2)):
            for done in range(begin, begin + 6 * rate + 1, rate):
                meter.update(done, 1000)
                clock.now += 1
    assert capsys.readouterr().err.splitlines() == [
        "packing: 905/1,000 samples, 1.0/s, 1 min 35 s left",
        "packing: 506/1,000 samples, 2.0/s, 4 min 07 s left",
        "packing: 512/1,000 samples, 2.0/s, 4 min 04 s left",
    ]


def test_nothing_is_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    with Meter("packing", unit="samples", clock=clock) as meter:
        clock.now += 6
        meter.update(5, 5)
    assert len(capsys.readouterr().err.splitlines()) == 1

"""How far a long run is: a bar on a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from fastdata.cli import console

__all__ = ["Meter"]

LINE_SECONDS = 5.0
BAR_SECONDS = 0.1
# The rate is that of the recent past, so that a slow start does not spoil the remaining time.
RATE_SECONDS = 10.0
# A rate of less time says little, and a short last phase would hide that of the run.
LEAST_SECONDS = 1.0


class Meter:
    """Shows progress on stderr while it is entered.

    It redraws only inside `update`: a drawing thread would make forking worker processes unsafe.

    Args:
        label: What is being done, such as "converting".
        unit: What is counted, such as "samples".
        clock: Seconds that only rise.
    """

    def __init__(
        self, label: str, *, unit: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._label = label
        self._unit = unit
        self._clock = clock
        self._bar = _bar() if sys.stderr.isatty() else None
        self._task: TaskID | None = None
        # (second, done); the first is that of the first update, since a resumed run begins far on.
        self._marks: deque[tuple[float, int]] = deque()
        self._shown_at = float("-inf")
        self._state: tuple[int, int | None, str] = (0, None, "")
        self._printed: tuple[int, int | None, str] = self._state

    def __enter__(self) -> Meter:
        self._shown_at = self._clock()
        if self._bar is not None:
            self._task = self._bar.add_task(self._label, total=None, numbers="")
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._show()
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int | None, extra: str = "") -> None:
        """Records how far the run is, and shows it when the last time is long enough ago.

        Args:
            done: Units finished.
            total: Units in all, or None while unknown.
            extra: A few more words, such as "3 rejected".
        """
        now = self._clock()
        # A bar's redraw is cheap, and a new phase should not wait for the next call.
        new_words = self._bar is not None and extra != self._state[2]
        self._state = (done, total, extra)
        if not self._marks or done < self._marks[-1][1]:  # a phase, whose rate is its own
            self._marks = deque([(now, done)])
        elif now > self._marks[-1][0]:
            self._marks.append((now, done))
        while len(self._marks) > 2 and self._marks[1][0] < now - RATE_SECONDS:
            self._marks.popleft()
        due = LINE_SECONDS if self._bar is None else BAR_SECONDS
        if new_words or now - self._shown_at >= due:
            self._shown_at = now
            self._show()

    def _show(self) -> None:
        done, total, _ = self._state
        if self._bar is not None and self._task is not None:
            numbers = console.printable(self._numbers())
            self._bar.update(self._task, completed=done, total=total, numbers=numbers)
            self._bar.refresh()
        elif self._state != self._printed:
            self._printed = self._state
            console.note(f"{self._label}: {self._numbers()}")

    def _numbers(self) -> str:
        """Such as ``420/1,000 samples, 512/s, 1.1 s left, 3 rejected``."""
        done, total, extra = self._state
        counted = f"{done:,}" if total is None else f"{done:,}/{total:,}"
        parts = [f"{counted} {self._unit}"]
        if rate := self._rate():
            parts.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
            if total is not None and done < total:
                parts.append(f"{console.human_seconds((total - done) / rate)} left")
        return ", ".join([*parts, extra] if extra else parts)

    def _rate(self) -> float:
        """Units a second in the recent past; 0 when too little of it is known."""
        if not self._marks:
            return 0.0
        (first_time, first_done), (last_time, last_done) = self._marks[0], self._marks[-1]
        seconds = last_time - first_time
        return (last_done - first_done) / seconds if seconds >= LEAST_SECONDS else 0.0


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=28),
        TextColumn("{task.fields[numbers]}", markup=False),
        console=console.stderr(),
        auto_refresh=False,
    )

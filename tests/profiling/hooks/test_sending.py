"""Copies over a bus are read when they are made, and never waited for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fastdata.profiling.hooks.sending import Bus


class Stream:
    """A stand-in for the marks of a stream: each is the time at which it is reached."""

    def __init__(self) -> None:
        self.now, self.clock, self.made = 0.0, 0.0, 0
        self.free: list[Any] = []
        self.captures = False

    def copy(self, bus: Bus, seconds: float) -> None:
        begin = bus.begin()
        self.clock = max(self.clock, self.now) + seconds
        bus.end(begin)

    def mark(self) -> list[float] | None:
        if self.captures:
            return None
        if not self.free:
            self.made += 1
            return [max(self.clock, self.now)]
        mark: list[float] = self.free.pop()
        mark[0] = max(self.clock, self.now)
        return mark

    def is_reached(self, mark: list[float]) -> bool:
        return not self.captures and mark[0] <= self.now

    def times(self, marks: Sequence[list[float]]) -> list[float]:
        return [mark[0] - marks[0][0] for mark in marks]

    def release(self, marks: Iterable[Any]) -> None:
        self.free += marks


def test_copies_are_read_in_their_order_once_they_are_made() -> None:
    stream = Stream()
    bus = Bus(stream)  # type: ignore[arg-type]
    stream.copy(bus, 2.0)
    stream.copy(bus, 3.0)
    bus.settle()
    assert bus.seconds() == []
    stream.now = 4.0
    bus.settle()
    assert bus.seconds() == [2.0] and bus.seconds() == []
    stream.now = 5.0
    bus.settle()
    for number in range(20):
        stream.now = 10.0 + number
        stream.copy(bus, 0.5)
        stream.now += 0.5
        bus.settle()
    assert bus.seconds() == [3.0] + 20 * [0.5]
    assert stream.made == 4  # what was read is used again


def test_while_a_graph_is_captured_nothing_is_asked() -> None:
    stream = Stream()
    bus = Bus(stream)  # type: ignore[arg-type]
    stream.copy(bus, 1.0)
    stream.now, stream.captures = 9.0, True
    stream.copy(bus, 1.0)
    bus.settle()
    assert bus.seconds() == []
    stream.captures = False
    bus.settle()
    assert bus.seconds() == [1.0]

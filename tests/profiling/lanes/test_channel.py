"""Measured values survive whatever ends the processes that wrote them, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastdata.profiling.lanes.channel import RINGS_AT, Channel
from fastdata.profiling.lanes.rings import Ring


@pytest.fixture
def channel() -> Iterator[Channel]:
    made = Channel.create()
    yield made
    made.close()


WRITER = """
import os, signal, sys
from fastdata.profiling.lanes.channel import Channel
lane = Channel.open(sys.argv[1]).claim(2)
lane.tell(name="fünf")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_wrote_is_there(channel: Channel) -> None:
    before = set(Path("/dev/shm").glob("*fastdata*"))
    mine = channel.claim(1)
    done = subprocess.run([sys.executable, "-c", WRITER, channel.path], check=False)
    assert done.returncode == -signal.SIGKILL
    forked = os.fork()
    if not forked:
        lane = channel.claim(3)
        assert lane is not None
        lane.tell(forked=True)
        os._exit(0)
    os.waitpid(forked, 0)
    lanes = channel.lanes()
    assert mine is not None and lanes[0].pid == os.getpid()
    assert [lane.kind for lane in lanes] == [1, 2, 3]
    assert [lane.facts() for lane in lanes] == [[], [{"name": "fünf"}], [{"forked": True}]]
    assert lanes[1].parent_pid == os.getpid() and lanes[2].pid == forked
    assert set(Path("/dev/shm").glob("*fastdata*")) == before


def test_a_worker_of_the_next_epoch_goes_on_where_the_last_one_ended(channel: Channel) -> None:
    for number in range(3):
        forked = os.fork()
        if not forked:
            lane = channel.claim(2, "worker 0")
            assert lane is not None
            lane.tell(number=number)
            Ring(lane, RINGS_AT, width=1, capacity=8, adds=False).add((number,))
            os._exit(0)
        os.waitpid(forked, 0)
    (lane,) = channel.lanes()
    assert lane.facts() == [{"number": number} for number in range(3)]
    ring = Ring(lane, RINGS_AT, width=1, capacity=8, adds=False)
    assert ring.entries()[0] == [(0,), (1,), (2,)]
    assert channel.claim(2, "worker 1") is not None and len(channel.lanes()) == 2


def test_facts_that_do_not_fit_are_left_out_whole(channel: Channel) -> None:
    lane = channel.claim(1)
    assert lane is not None
    for number in range(3_000):
        lane.tell(number=number, text="x" * 100)
    facts = lane.facts()
    assert 500 < len(facts) < 3_000 and facts[-1] == {"number": len(facts) - 1, "text": "x" * 100}


def test_no_lane_is_left_when_all_are_taken(channel: Channel) -> None:
    assert all(channel.claim(1) for _ in range(512))
    assert channel.claim(1) is None


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 16, 17, 1_000, 4_097])
def test_a_ring_that_adds_loses_nothing_of_the_whole_ones(channel: Channel, count: int) -> None:
    lane = channel.claim(1)
    assert lane is not None
    ring = Ring(lane, RINGS_AT, width=3, capacity=8, adds=True)
    for number in range(count):
        ring.add((number, 1.0, number))
    entries, stride = ring.entries()
    assert len(entries) == count // stride and ring.seen == count
    for position, (first, ones, numbers) in enumerate(entries):
        covered = range(position * stride, (position + 1) * stride)
        assert (first, ones, numbers) == (covered[0], stride, sum(covered))
    assert len(entries) >= 4 or count < 8


def test_a_ring_that_thins_keeps_an_even_choice(channel: Channel) -> None:
    lane = channel.claim(1)
    assert lane is not None
    ring = Ring(lane, RINGS_AT, width=1, capacity=8, adds=False)
    for number in range(100):
        ring.add((number,))
    entries, stride = ring.entries()
    assert [number for (number,) in entries] == list(range(0, len(entries) * stride, stride))
    assert stride == 16

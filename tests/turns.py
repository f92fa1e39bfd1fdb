"""Tests that measure time get the machine to themselves while the others share it.

Each test process of a session, and of a second one on the same checkout, asks here before a test.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

__all__ = ["turn"]

# Locks on files that are there anyway leave nothing behind.
_DOOR = Path(__file__)
_ROOM = Path(__file__).with_name("conftest.py")


@contextlib.contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Waits until a test may run, and lets the next ones wait for it if it must be alone."""
    with _ROOM.open("rb") as room:
        # Whoever waits for the room to be empty keeps the door, so that nobody enters meanwhile.
        with _DOOR.open("rb") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            fcntl.flock(door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            # Forked processes that outlive the test hold the file open, and may.
            fcntl.flock(room, fcntl.LOCK_UN)

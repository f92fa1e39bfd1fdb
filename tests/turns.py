"""Tests that measure time get the machine to themselves while the others share it.

Each test process of a session, and of a second one on the same checkout, asks here before a test.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

__all__ = ["KINDS", "turn"]

# Locks on files that are there anyway leave nothing behind.
_DOOR = Path(__file__)
_ROOMS = {name: Path(__file__).with_name(f"{name}.py") for name in ("conftest", "commands")}

# The room of each kind of tests, in the order in which they come.
KINDS = {"together": "conftest", "asleep": "commands", "alone": None}


@contextlib.contextmanager
def turn(kind: str) -> Iterator[None]:
    """Waits until a test of this kind may run beside those that do.

    Args:
        kind: "together" for beside its like, "asleep" for the same, and "alone" for beside none.
    """
    with contextlib.ExitStack() as opened:
        door = opened.enter_context(_DOOR.open("rb"))
        rooms = {name: opened.enter_context(path.open("rb")) for name, path in _ROOMS.items()}
        # Whoever waits for a room to be empty keeps the door, so that nobody enters meanwhile.
        fcntl.flock(door, fcntl.LOCK_EX)
        for name, room in rooms.items():
            fcntl.flock(room, fcntl.LOCK_SH if name == KINDS[kind] else fcntl.LOCK_EX)
        locked = [door, *(room for name, room in rooms.items() if name != KINDS[kind])]
        try:
            if kind != "alone":
                _unlock(locked)
            yield
        finally:
            # Forked processes that outlive the test hold the files open, and may.
            _unlock([door, *rooms.values()])


def _unlock(files: list[BufferedReader]) -> None:
    for file in files:
        fcntl.flock(file, fcntl.LOCK_UN)

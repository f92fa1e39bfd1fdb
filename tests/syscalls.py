"""Counts the system calls that Python makes to change files, and does something at one of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastdata.packs import publish

# Every function of `os` through which packs change the disk; lmdb writes by itself.
CHANGING = (
    "open",
    "write",
    "pwrite",
    "ftruncate",
    "posix_fallocate",
    "fsync",
    "fdatasync",
    "mkdir",
    "rename",
    "replace",
    "unlink",
    "rmdir",
)

Before = Callable[[int, str, tuple[Any, ...]], None]


@contextmanager
def watched(before: Before) -> Iterator[list[str]]:
    """Calls ``before(number, name, arguments)`` ahead of each changing call; gives their names."""
    names: list[str] = []
    originals = {name: getattr(os, name) for name in CHANGING}
    exchange = publish._exchange

    def wrap(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            names.append(name)
            before(len(names), name, args)
            return call(*args, **kwargs)

        return wrapped

    for name, call in originals.items():
        setattr(os, name, wrap(name, call))
    publish._exchange = wrap("exchange", exchange)
    try:
        yield names
    finally:
        for name, call in originals.items():
            setattr(os, name, call)
        publish._exchange = exchange


def in_child(work: Callable[[], None]) -> int:
    """Run it in a forked process: 0, an exit status, or minus the signal that ended it."""
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(number: int, work: Callable[[], None]) -> int:
    """Run it in a forked process that kills itself ahead of its changing call `number`."""

    def before(at: int, name: str, args: tuple[Any, ...]) -> None:
        if at == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched_work() -> None:
        with watched(before):
            work()

    return in_child(watched_work)

"""The process that works on items one after the other; started by `pool`, never by hand."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from fastdata.converters.paths import display
from fastdata.converters.source import Item
from fastdata.errors import FastDataError, InputError

__all__ = ["Job", "attempt", "main"]

Job = Callable[[Item], Any]

_PR_SET_PDEATHSIG = 1


def main(descriptor: int, parent: int) -> None:
    """Answers items that come through a socket, until the other end is closed.

    Messages in: ("job", job) or (index, item). Out: (index, value, error); the first one, with
    index -1, says that the process is ready.
    """
    _die_with(parent)
    # The parent decides what Ctrl-C means; it then closes or kills its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection: Connection = Connection(descriptor)
    try:
        connection.send((-1, None, None))
        _serve(connection)
    except (EOFError, OSError):
        return


def attempt(job: Job, item: Item) -> tuple[Any, FastDataError | None]:
    """The job's result for an item, or the error that says why there is none.

    An exception that nobody foresaw costs the item, as a foreseen one does: one strange file must
    not end a conversion of millions. The note on it keeps where it came from.
    """
    try:
        return job(item), None
    except FastDataError as error:
        return None, error
    except MemoryError:
        return None, InputError(f"{display(item.key)}: memory ran out while it was decoded")
    except Exception as error:
        return None, InputError(
            f"{display(item.key)}: unexpected {type(error).__name__}: {error}; this is a fault of "
            "fastdata, please report it with the file"
        )


def _serve(connection: Connection) -> None:
    job: Job | None = None
    while True:
        head, body = connection.recv()
        if head == "job":
            job = body
        elif job is not None:
            value, error = attempt(job, body)
            connection.send((head, value, error))


def _die_with(parent: int) -> None:
    """Ends this process when its parent ends, even by SIGKILL and even while it hangs in a file."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)

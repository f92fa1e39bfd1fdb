"""Ctrl-C and SIGTERM end a run within five seconds, whatever the main thread is busy with.

The first signal raises KeyboardInterrupt in the main thread, so that a command cleans up behind
itself. A second one, or `GRACE_SECONDS` without an end (the main thread may be inside a long native
call, where no Python handler runs), kills the child processes and leaves at once; what a conversion
had journalled stays resumable, as after any kill.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType

import psutil

__all__ = ["exit_code", "handled_elsewhere", "install"]

GRACE_SECONDS = 3.5

_received: list[int] = []
_elsewhere: set[int] = set()


def install() -> None:
    """Installs the handlers for the rest of the process; call it in the main thread."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # `nohup` and shells that start a job in the background have told us to ignore some of them.
    wanted = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    watched, alarm = socket.socketpair()
    alarm.setblocking(False)
    # The interpreter writes a signal's number here at once, whatever the main thread does.
    signal.set_wakeup_fd(alarm.detach(), warn_on_full_buffer=False)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_wakeup)
    for number in wanted:
        signal.signal(number, _on_signal)
    watch = threading.Thread(target=_watch, args=(watched, wanted), name="fastdata-signals")
    watch.daemon = True
    watch.start()


@contextlib.contextmanager
def handled_elsewhere(number: int) -> Iterator[None]:
    """Within it nothing here acts on a signal: whoever has a handler ends the run in its own time.

    A training run that is asked to stop finishes its step and saves a checkpoint, which may take
    longer than `GRACE_SECONDS`.
    """
    _elsewhere.add(number)
    try:
        yield
    finally:
        _elsewhere.discard(number)


def exit_code() -> int:
    """128 + the signal that ended this run, or 0 when none came."""
    return 128 + _received[0] if _received else 0


def _on_signal(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    if len(_received) == 1:
        raise KeyboardInterrupt


def _forget_wakeup() -> None:
    signal.set_wakeup_fd(-1)


def _watch(watched: socket.socket, wanted: list[int]) -> None:
    first = _next_signal(watched, wanted)
    watched.settimeout(GRACE_SECONDS)
    _next_signal(watched, wanted)
    for child in psutil.Process().children(recursive=True):
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    os._exit(128 + (first or signal.SIGTERM))


def _next_signal(watched: socket.socket, wanted: list[int]) -> int | None:
    while True:
        try:
            number = watched.recv(1)[0]
        except TimeoutError:
            return None
        if number in wanted and number not in _elsewhere:
            return number

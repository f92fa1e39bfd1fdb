"""Runs a command as if it had been started without a monitor, and waits for its end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType, TracebackType

from fastdata.cli import signals
from fastdata.errors import UsageError

__all__ = ["Forwarding", "check", "exit_code", "has_ended", "start"]

# Often enough to end a duration in time, seldom enough to cost nothing.
LOOK_SECONDS = 0.05


def check(command: Sequence[str]) -> None:
    """Looks for a program before anything else is done for it.

    Raises:
        UsageError: There is no such program, or it may not be run.
    """
    if shutil.which(command[0]) is None:
        raise UsageError(
            f"command not found: {command[0]!r}; give one that can be run after '--', such as "
            "fastdata monitor -- python train.py"
        )


def start(command: Sequence[str], *, keep_stdout: bool) -> subprocess.Popen[bytes]:
    """Starts a command with this process's files, folder and environment.

    Args:
        command: The program and its arguments; no shell reads them.
        keep_stdout: Whether our own output needs stdout; the command's goes to stderr then.

    Raises:
        UsageError: There is no such program, or it cannot be run.
    """
    try:
        return subprocess.Popen(command, stdout=sys.stderr if keep_stdout else None)
    except OSError as error:
        raise UsageError(
            f"cannot run {command[0]!r}: {error.strerror}; give another command"
        ) from error


class Forwarding:
    """While it is entered, signals to this process go to another one, and end that one, not this.

    Ctrl-C on a terminal already reaches both, since they are one process group; sending it again
    would be a second Ctrl-C, which many programs take for "at once". So SIGINT is passed on only
    when this process is not in the foreground of a terminal.
    """

    def __init__(self) -> None:
        self._pid: int | None = None
        self._early: list[int] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Forwarding:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._stack.enter_context(signals.handled_elsewhere(number))
                self._stack.callback(signal.signal, number, signal.signal(number, self._pass_on))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def to(self, pid: int) -> None:
        """Names the process, which must not be waited for before this is left."""
        self._pid = pid
        for number in self._early:
            os.kill(pid, number)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and _in_foreground():
            return
        if self._pid is None:
            self._early.append(number)
        else:
            os.kill(self._pid, number)


def has_ended(pid: int, *, until: float | None) -> bool:
    """Waits for a child's end and leaves it to be waited for, so that its counters can be read.

    Args:
        pid: The child.
        until: Time of `time.monotonic` at which to give up; None waits for ever.
    """
    options = os.WEXITED | os.WNOWAIT
    if until is None:
        os.waitid(os.P_PID, pid, options)
        return True
    while time.monotonic() < until:
        if os.waitid(os.P_PID, pid, options | os.WNOHANG) is not None:
            return True
        time.sleep(LOOK_SECONDS)
    return False


def exit_code(returncode: int) -> int:
    """A command's exit code as a shell tells it: 128 + the signal that ended it."""
    return 128 - returncode if returncode < 0 else returncode


def _in_foreground() -> bool:
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)

"""Runs a command under the profiler, and waits for it as a shell would."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from fastdata.errors import UsageError
from fastdata.profiling.assemble import Session
from fastdata.profiling.clocks.plan import Plan
from fastdata.profiling.lanes.processlane import PROCESS, VARIABLE

__all__ = ["complete", "run_command"]

_BOOTSTRAP = Path(__file__).parent / "bootstrap"
_FORWARDED = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


def complete(command: Sequence[str]) -> list[str]:
    """The words of the command, with this Python where they begin with a script or ``-m``."""
    if command[0] == "-m" or command[0].endswith(".py"):
        return [sys.executable, *command]
    return list(command)


def run_command(session: Session, plan: Plan) -> int:
    """Runs the session's command to its end; its input and output are this process's.

    Args:
        session: Gets notes on what was not seen.
        plan: Which of its steps are measured, and what is tried.

    Returns:
        The command's exit code, or 128 and the signal that ended it.

    Raises:
        UsageError: There is no such command.
    """
    options = {"channel": session.channel.path, "plan": dataclasses.asdict(plan)}
    environ = dict(os.environ)
    environ[VARIABLE] = json.dumps(options)
    path = environ.get("PYTHONPATH")
    environ["PYTHONPATH"] = os.pathsep.join([str(_BOOTSTRAP), *([path] if path else [])])
    try:
        process = subprocess.Popen(session.command, env=environ)
    except OSError as error:
        raise UsageError(
            f"cannot start {session.command[0]!r}: {error.strerror}; expected a program, a script "
            "ending in .py, or -m MODULE after --"
        ) from error
    with _signals_go_to(process):
        code = process.wait()
    session.notes += _notes(session, process.pid, code)
    return 128 - code if code < 0 else code


@contextlib.contextmanager
def _signals_go_to(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Passes signals on; the terminal sends Ctrl-C to both, and it is the command's to act on."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    def keep(_number: int, _frame: FrameType | None) -> None:
        pass

    numbers = [getattr(signal, name) for name in _FORWARDED if hasattr(signal, name)]
    before = {number: signal.signal(number, pass_on) for number in numbers}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, keep)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _notes(session: Session, pid: int, code: int) -> list[str]:
    lanes = [lane for lane in session.channel.lanes() if lane.kind == PROCESS]
    facts = {lane.pid: lane.facts() for lane in lanes}
    notes = [f"the profiler failed in a process: {fact['failed']}"
             for told in facts.values() for fact in told if "failed" in fact]  # fmt: skip
    if not lanes and code > 0:
        notes.append(f"the command ended with exit code {code} before it imported torch")
    elif not lanes:
        notes.append(
            "no process of the command imported torch in a Python that has fastdata, or it was "
            "started with -I, -E or -S"
        )
    elif code < 0:
        notes.append(f"the command was ended by {signal.Signals(-code).name}")
    elif pid in facts and {"ended": True} not in facts[pid]:
        notes.append("the command left by os._exit, or became another program")
    return notes

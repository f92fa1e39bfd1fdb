"""``fastdata profile -- COMMAND``: runs a command under the profiler."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path

from fastdata.cli import signals
from fastdata.cli.profilerun.output import show
from fastdata.profiling.assemble import Session, assemble
from fastdata.profiling.clocks.plan import Plan
from fastdata.profiling.lanes.channel import Channel
from fastdata.profiling.launching import complete, run_command

__all__ = ["profile_script"]


def profile_script(command: list[str], plan: Plan, *, out: Path, json: bool) -> int:
    """Profiles a command to its end.

    Args:
        command: Its words.
        plan: Which steps are measured.
        out: Folder for the report.
        json: Print the report on stdout, after what the command printed.

    Returns:
        The command's exit code.
    """
    session = Session(channel=Channel.create(), command=tuple(complete(command)))
    with ExitStack() as quiet:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            quiet.enter_context(signals.handled_elsewhere(number))
        code = run_command(session, plan)
    show(assemble(session), out=out, json=json)
    return code

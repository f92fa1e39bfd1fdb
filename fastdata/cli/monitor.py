"""``fastdata monitor``: what a run uses of the machine, live, as a log and as a chart."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from fastdata.cli import console
from fastdata.cli.monitorrun import report, watching
from fastdata.cli.monitorrun.rows import Rows
from fastdata.cli.monitorrun.views import view
from fastdata.cli.options import DebugOption, JsonOption
from fastdata.monitoring import Monitor

__all__ = ["EXAMPLES", "HELP", "run"]

HELP = """\
Watch GPUs, CPU, memory, storage and page faults, of a command or of the whole machine.

After '--' comes the command: its output, its exit code and signals pass through, and it is watched
with all processes that it starts. Without one, everything that can be seen is watched until Ctrl-C
or --duration.

The target is a GPU that is busy 85 % of the time and more, with a fluctuation (standard deviation /
mean) under 10 %. Busy means that some kernel was resident, not that the GPU was full.

On a terminal the lowest lines show what is used now, and the command scrolls above them; with
TERM=dumb they are left out.

The log has one line a sample; its column names carry their units. With --json the summary is all of
stdout: the output of a command goes to stderr then.

Exit code: that of the command, 128 + N when signal N ended it; without a command 0, or 130 and 143
after Ctrl-C and SIGTERM.
"""

EXAMPLES = """\
[bold]Examples[/bold]

  fastdata monitor -- python train.py --epochs 3
  fastdata monitor --out run.jsonl -- torchrun --nproc-per-node 4 train.py
  fastdata monitor --duration 60 --interval 0.5 --out machine.csv
"""


def run(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND]", help="What to run and watch.")
    ] = None,
    interval: Annotated[
        float, typer.Option("--interval", help="Seconds between samples.", min=0.05, max=3600)
    ] = 1.0,
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration",
            help="Watch for so many seconds; a command goes on to its own end.",
            min=0.1,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Log, .jsonl or .csv; a chart, .html, appears beside it."
        ),
    ] = None,
    json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001
) -> None:
    """Watches `command`, or the whole machine."""
    if command:
        code = _watch_command(command, interval=interval, duration=duration, out=out, json=json)
        raise typer.Exit(code)
    _watch_machine(interval=interval, duration=duration, out=out, json=json)


def _watch_command(
    command: list[str], *, interval: float, duration: float | None, out: Path | None, json: bool
) -> int:
    watching.check(command)
    monitor = Monitor(interval, out=out, command=command)
    with watching.Forwarding() as forwarding:
        with monitor, _view(monitor, shlex.join(command), has_command=True):
            process = watching.start(command, keep_stdout=json)
            forwarding.to(process.pid)
            monitor.watch(process.pid)
            until = None if duration is None else time.monotonic() + duration
            ended = watching.has_ended(process.pid, until=until)
        if not ended:
            watching.has_ended(process.pid, until=None)
    code = watching.exit_code(process.wait())
    _report(monitor, json=json, more={"command": command, "exit_code": code})
    return code


def _watch_machine(
    *, interval: float, duration: float | None, out: Path | None, json: bool
) -> None:
    monitor = Monitor(interval, out=out, whole_machine=True)
    try:
        with monitor, _view(monitor, "the whole machine", has_command=False):
            threading.Event().wait(duration)
    finally:
        _report(monitor, json=json, more={"command": []})


@contextlib.contextmanager
def _view(monitor: Monitor, title: str, *, has_command: bool) -> Iterator[None]:
    rows = Rows(title, cores=monitor.cores, gpus=monitor.gpus, no_gpu=monitor.no_gpu)
    with view(rows, cores=monitor.cores, has_command=has_command) as shown:
        monitor.on_sample = shown.show
        try:
            yield
        finally:
            # The last sample is taken when the view is gone.
            monitor.on_sample = None


def _report(monitor: Monitor, *, json: bool, more: dict[str, Any]) -> None:
    summary = monitor.summary()
    written = [str(path) for path in monitor.written]
    if json:
        console.print_json(dataclasses.asdict(summary) | {"files": written} | more)
        return
    # Stdout belongs to the command.
    out = console.stderr() if more["command"] else console.stdout()
    report.show(summary, out, written=tuple(written))

"""``fastdata doctor``: what this machine has, what is wrong with it, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from fastdata.checkup import Finding, Section, examine, stress
from fastdata.checkup.examine import section
from fastdata.cli import console
from fastdata.cli.options import DebugOption, JsonOption

__all__ = ["EXAMPLES", "HELP", "run"]

HELP = """\
Check this machine for training: versions, GPU, cores, memory, speed, storage, security fixes.

Each line says ok, warn (works, but slower or less safe) or fail (training will break on it), and
what to do about it. Nothing is sent anywhere and nothing is changed; a folder with less than 8 MiB
in it gets a file of 128 MiB for the moment that its disk is measured.

Exit code 0 means that nothing failed, warnings included; 6 that something did.
"""

EXAMPLES = """\
[bold]Examples[/bold]

  fastdata doctor
  fastdata doctor photos.lmdb
  fastdata doctor /mnt/data --stress --seconds 30
  fastdata doctor --json
"""

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
FAILED = 6
# That of the longest name, "decode + resize".
NAME_COLUMNS = 15


def run(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="[PATH]", help="Pack, file or folder whose read rate is measured.", exists=True
        ),
    ] = Path("."),
    under_load: Annotated[
        bool,
        typer.Option(
            "--stress", help="Load all cores and a GPU's memory, and look for throttling."
        ),
    ] = False,
    seconds: Annotated[
        float,
        typer.Option("--seconds", help="With --stress: how long the load runs.", min=0.5, max=3600),
    ] = 5.0,
    json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001
) -> None:
    """Checks the machine."""
    done = []
    for topic in _topics(path, seconds if under_load else None):
        done.append(topic)
        if not json:
            _show(topic)
    counts: Counter[str] = Counter(finding.state for topic in done for finding in topic.findings)
    code = FAILED if counts["fail"] else 0
    if json:
        counted = {state: counts[state] for state in STYLES}
        console.print_json({"ok": not code, "exit_code": code, "counts": counted, "sections": done})
    else:
        console.stdout().print(_verdict(counts))
    if code:
        raise typer.Exit(code)


def _topics(path: Path, stress_seconds: float | None) -> Iterator[Section]:
    yield from examine(path)
    if stress_seconds is not None:
        yield section("stress", [lambda: stress(seconds=stress_seconds)])


def _verdict(counts: Counter[str]) -> Text:
    parts = [
        f"{counts['ok']} ok",
        f"{counts['warn']} {'warning' if counts['warn'] == 1 else 'warnings'}",
        f"{counts['fail']} {'failure' if counts['fail'] == 1 else 'failures'}",
    ]
    worst = next((state for state in ("fail", "warn") if counts[state]), "ok")
    return Text(", ".join(parts), style=STYLES[worst])


def _show(topic: Section) -> None:
    """Prints a section; folded beside its names on a terminal, one whole line each in a pipe."""
    out = console.stdout()
    if not out.is_terminal:
        print(topic.title)
        for finding in topic.findings:
            print(_line(finding), flush=True)
        return
    out.print(Text(topic.title, style="bold"))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=len("  fail"))
    table.add_column(no_wrap=True, min_width=NAME_COLUMNS)
    table.add_column(overflow="fold")
    for finding in topic.findings:
        state = Text(f"  {finding.state}", style=STYLES[finding.state])
        text = Text(console.printable(finding.found))
        if finding.remedy:
            text.append(f"\n-> {console.printable(finding.remedy)}", style="cyan")
        table.add_row(state, console.printable(finding.name), text)
    out.print(table)


def _line(finding: Finding) -> str:
    remedy = f"  -> {finding.remedy}" if finding.remedy else ""
    return console.printable(
        f"  {finding.state:<4}  {finding.name:<{NAME_COLUMNS}}  {finding.found}{remedy}"
    )

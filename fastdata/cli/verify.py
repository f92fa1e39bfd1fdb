"""``fastdata verify``: reads every record of a pack and lists what is wrong."""

from __future__ import annotations

import dataclasses
import math
import time

import typer

from fastdata.cli import console
from fastdata.cli.options import DebugOption, JsonOption, PackArgument
from fastdata.cli.progress import Meter
from fastdata.packs import VerifyReport, open_pack

__all__ = ["EXAMPLES", "HELP", "run"]

HELP = """\
Read every record of a pack and list what is wrong.

Each record, block and array is compared with the checksum that was stored when it was written. Exit
code 0 means that all are whole, 4 that something is wrong.
"""

EXAMPLES = """\
[bold]Examples[/bold]

  fastdata verify photos.lmdb
  fastdata verify photos.lmdb --json
"""

# More lines than this are one broken disk, not so many separate faults.
SHOWN = 50


def run(
    pack: PackArgument,
    json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001
) -> None:
    """Verifies `pack`."""
    start = time.perf_counter()
    with open_pack(pack) as opened:
        with Meter("verifying", unit="MB") as meter:
            report = opened.verify(
                lambda done, total: meter.update(math.ceil(done / 1e6), math.ceil(total / 1e6))
            )
    seconds = time.perf_counter() - start
    if json:
        document = dataclasses.asdict(report) | {"path": pack, "ok": report.ok, "seconds": seconds}
        console.print_json(document)
    else:
        _print(report, str(pack), seconds)
    if not report.ok:
        raise typer.Exit(4)


def _print(report: VerifyReport, name: str, seconds: float) -> None:
    out = console.stdout()
    for problem in report.problems[:SHOWN]:
        where = " ".join(part for part in (problem.key, problem.field) if part) or "pack"
        out.print(console.printable(f"wrong: {where}: {problem.reason}"), soft_wrap=True)
    if len(report.problems) > SHOWN:
        out.print(f"... and {len(report.problems) - SHOWN:,} more; see --json")
    rate = report.checked_bytes / max(seconds, 1e-9)
    verdict = "whole" if report.ok else f"{len(report.problems):,} problems; convert it again"
    out.print(
        console.printable(
            f"{name}: {verdict}; {report.count:,} samples, {report.checked:,} checksums, "
            f"{console.human_bytes(report.checked_bytes)} in {console.human_seconds(seconds)} "
            f"({console.human_bytes(rate)}/s)"
        ),
        soft_wrap=True,
    )

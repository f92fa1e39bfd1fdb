"""``fastdata profile``: where the time of an unmodified training script goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastdata.cli.options import DebugOption, JsonOption
from fastdata.errors import UsageError

__all__ = ["EXAMPLES", "HELP", "run"]

HELP = """\
Measure where the time of a training script goes, without changing it.

Everything after -- is run as it is; a script ending in .py or -m MODULE runs under this Python. Its
output, exit code and random numbers stay its own. At its end stderr gets the verdict, and the
folder of -o the report: report.html for a browser, report.json for machines, and trace.json for
ui.perfetto.dev. With --json the report follows on stdout.

A pack instead of a command is loaded by itself, as fast as FastLoader can; a step is a batch.

--compare runs nothing: it tells whether the second of two reports is slower, by the median time of
a step and the share of it that is exposed wait. Exit code 0 means that it is not, 2 that it is by
more than --max-regress, 3 that they are not comparable, 4 that they are too noisy to tell.
"""

EXAMPLES = """\
[bold]Examples[/bold]

  fastdata profile -- python train.py --epochs 1
  fastdata profile -o before --steps 200 -- train.py
  fastdata profile -- torchrun --nproc-per-node 4 train.py
  fastdata profile --compare before after --max-regress 5%
  fastdata profile --selfcheck
  fastdata profile photos.lmdb --transforms 'RandomResizedCrop: 224, ToFloat'
"""


def run(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[PACK | -- COMMAND ...]", help="What to run.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the report.")
    ] = Path("fastdata-profile"),
    steps: Annotated[
        int | None, typer.Option("--steps", help="Steps to measure; else all.", min=1)
    ] = None,
    warmup: Annotated[
        int, typer.Option("--warmup", help="First steps to leave out of the figures.", min=0)
    ] = 10,
    replay: Annotated[
        int,
        typer.Option(
            "--replay",
            help="Then measure what-ifs in this many steps each: one batch again, more workers, a "
            "warm cache, one batch beside a running loader. The script trains on other data.",
            min=0,
        ),
    ] = 0,
    transforms: Annotated[
        str, typer.Option("--transforms", help="Of a pack: as in a config, separated by commas.")
    ] = "",
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Of a pack: samples a batch.", min=1)
    ] = 64,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Of a pack: threads; else chosen.", min=0)
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A.json B.json", help="Compare two reports instead."),
    ] = None,
    max_regress: Annotated[
        str, typer.Option("--max-regress", metavar="PERCENT", help="Slower than this is too slow.")
    ] = "5%",
    across_hosts: Annotated[
        bool, typer.Option("--across-hosts", help="Compare reports of hosts with unlike names.")
    ] = False,
    selfcheck: Annotated[
        bool,
        typer.Option("--selfcheck", help="Measure runs whose times are known; show the errors."),
    ] = False,
    json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001
) -> None:
    """Profiles `command`, or compares what two such runs left."""
    if compare is not None:
        if command:
            raise UsageError("--compare runs no command; expected nothing after the two reports")
        from fastdata.cli.profile_compare import compare_reports

        raise typer.Exit(
            compare_reports(*compare, max_regress=max_regress, across_hosts=across_hosts, json=json)
        )
    if selfcheck:
        from fastdata.cli.selfcheck import run_selfcheck

        run_selfcheck(json=json)
        return
    if not command:
        raise UsageError(
            "nothing to profile; expected a pack, or a command after --: -- python train.py"
        )
    # Only here, so that help and a wrong option do not wait for what they do not need.
    from fastdata.profiling.plan import Plan

    plan = Plan(warmup=warmup, steps=steps, replay=replay)
    if _is_pack(command):
        from fastdata.cli.profile_pack import profile_pack

        pack = Path(command[0])
        profile_pack(
            pack, plan, transforms=transforms, batch_size=batch_size, workers=workers, out=out,
            json=json,
        )  # fmt: skip
        return
    from fastdata.cli.profile_script import profile_script

    raise typer.Exit(profile_script(command, plan, out=out, json=json))


def _is_pack(command: list[str]) -> bool:
    return len(command) == 1 and Path(command[0]).suffix in {".lmdb", ".h5", ".hdf5"}

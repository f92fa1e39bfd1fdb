"""``fastdata profile``: where the time of an unmodified training script goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fastdata.cli.options import DebugOption, JsonOption
from fastdata.errors import UsageError

if TYPE_CHECKING:
    from fastdata.cli.profilerun.pack import Loading
    from fastdata.profiling.clocks.plan import Plan

__all__ = ["EXAMPLES", "HELP", "run"]

HELP = """\
Measure where the time of a training script goes, without changing it.

Everything after -- is run as it is; a script ending in .py or -m MODULE runs under this Python. Its
output, exit code and random numbers stay its own. At its end stderr gets the verdict, and the
folder of -o the report: report.html for a browser, report.json for machines, and trace.json for
ui.perfetto.dev. With --json the report follows on stdout.

A pack instead of a command is loaded by itself, as fast as FastLoader can; a step is a batch. Its
stages, each with the samples/s that a loader of nothing else would give, are those that the engine
has: read (from the page cache or the disk), checksum (of a record, at its first read: --warmup 0
shows it where the warm-up has read all), decode, resize (and flips, and the change of values),
collate (into one batch), copy (to pinned memory, and on to the device), and other code.

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
  fastdata profile photos.lmdb --fields image,mask --device cuda --engine dali
"""


PACK, COMPARISON = "Of a pack", "Of two reports"


def _option(*names: str, help: str, panel: str | None = None, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, **more)


Command = Annotated[
    list[str] | None, typer.Argument(metavar="[PACK | -- COMMAND ...]", help="What to run.")
]
Out = Annotated[Path, _option("--out", "-o", metavar="DIR", help="Folder for the report.")]
Steps = Annotated[
    int | None,
    _option("--steps", min=1, metavar="N", help="Steps to measure; else all, of a pack 50."),
]
Warmup = Annotated[
    int, _option("--warmup", min=0, metavar="N", help="First steps to leave out of the figures.")
]
Replay = Annotated[
    int,
    _option(
        "--replay",
        min=0,
        metavar="N",
        help="Then measure what-ifs in this many steps each: one batch again, more workers "
        "or threads, a warm cache, one batch beside a running loader. The script trains on other "
        "data.",
    ),
]
Transforms = Annotated[
    str, _option("--transforms", panel=PACK, help="As in a config, separated by commas.")
]
Fields = Annotated[
    str,
    _option("--fields", panel=PACK, metavar="A,B", help="To load, separated by commas; else all."),
]
BatchSize = Annotated[
    int, _option("--batch-size", panel=PACK, min=1, metavar="N", help="Samples a batch.")
]
Workers = Annotated[
    int | None,
    _option(
        "--workers",
        panel=PACK,
        min=0,
        metavar="N",
        help="Threads, or processes of torch; else chosen.",
    ),
]
EngineName = Annotated[
    str,
    _option(
        "--engine", panel=PACK, metavar="NAME", help="auto, cpu, torch or dali, as FastLoader's."
    ),
]
Device = Annotated[
    str | None,
    _option(
        "--device",
        panel=PACK,
        metavar="NAME",
        help="Where batches are to arrive: cpu, cuda or cuda:N; else in main memory.",
    ),
]
Compare = Annotated[
    tuple[Path, Path] | None,
    _option("--compare", panel=COMPARISON, metavar="A.json B.json", help="Compare these instead."),
]
MaxRegress = Annotated[
    str,
    _option(
        "--max-regress", panel=COMPARISON, metavar="PERCENT", help="Slower than this is too slow."
    ),
]
AcrossHosts = Annotated[
    bool, _option("--across-hosts", panel=COMPARISON, help="Also of hosts with unlike names.")
]
Selfcheck = Annotated[
    bool, _option("--selfcheck", help="Measure runs whose times are known; show the errors.")
]


def run(
    command: Command = None,
    out: Out = Path("fastdata-profile"),
    steps: Steps = None,
    warmup: Warmup = 10,
    replay: Replay = 0,
    transforms: Transforms = "",
    fields: Fields = "",
    batch_size: BatchSize = 64,
    workers: Workers = None,
    engine: EngineName = "auto",
    device: Device = None,
    compare: Compare = None,
    max_regress: MaxRegress = "5%",
    across_hosts: AcrossHosts = False,
    selfcheck: Selfcheck = False,
    json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001
) -> None:
    """Profiles `command`, or compares what two such runs left."""
    # Modules only where they are needed, so that help and a wrong option do not wait for them.
    if compare is not None:
        if command:
            raise UsageError("--compare runs no command; expected nothing after the two reports")
        from fastdata.cli.profilerun.comparing import compare_reports

        raise typer.Exit(
            compare_reports(*compare, max_regress=max_regress, across_hosts=across_hosts, json=json)
        )
    if selfcheck:
        from fastdata.cli.profilerun.selfcheck import run_selfcheck

        run_selfcheck(json=json)
        return
    from fastdata.cli.profilerun.pack import Loading
    from fastdata.profiling.clocks.plan import Plan

    loading = Loading(
        transforms=transforms, fields=fields, batch_size=batch_size, workers=workers,
        engine=engine, device=device,
    )  # fmt: skip
    plan = Plan(warmup=warmup, steps=steps, replay=replay)
    raise typer.Exit(_profile(command or [], plan, loading, out=out, json=json))


def _profile(command: list[str], plan: Plan, loading: Loading, *, out: Path, json: bool) -> int:
    if len(command) == 1 and Path(command[0]).suffix in {".lmdb", ".h5", ".hdf5"}:
        if plan.replay:
            raise UsageError(
                f"--replay: for a command, whose training is tried otherwise; found {command[0]}, "
                "which is loaded by itself"
            )
        from fastdata.cli.profilerun.pack import profile_pack

        profile_pack(Path(command[0]), plan, loading, out=out, json=json)
        return 0
    if not command:
        raise UsageError(
            "nothing to profile; expected a pack, or a command after --: -- python train.py"
        )
    if given := ", ".join(loading.given()):
        raise UsageError(
            f"{given}: for a pack (.lmdb, .h5) that is loaded by itself; found the command "
            f"{command[0]}, whose loader is as it makes it"
        )
    from fastdata.cli.profilerun.script import profile_script

    return profile_script(command, plan, out=out, json=json)

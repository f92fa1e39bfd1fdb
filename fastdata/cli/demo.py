"""``fastdata demo``: makes a dataset, packs it, and times training from the files and the pack."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from fastdata.cli import console
from fastdata.cli.converting import convert_showing
from fastdata.cli.demo_report import Result, document, show
from fastdata.cli.options import DebugOption, JsonOption
from fastdata.cli.progress import Meter
from fastdata.cli.sheet import write_sheet
from fastdata.converters import ConversionSummary
from fastdata.demo.files import CONVERSION, MadeFiles, write_files
from fastdata.demo.records import Run
from fastdata.errors import UsageError
from fastdata.hardware import read_machine
from fastdata.packs import open_pack

__all__ = ["EXAMPLES", "HELP", "run"]

HELP = """\
Make images, convert them, and time training from files and from the pack.

Writes photograph-like JPEGs with masks and a table of labels, packs them with a distance map
computed once, then trains the same small network from the files with a plain DataLoader and from
the pack with FastLoader, and shows how each step divides into waiting for data and computing. It
needs no internet, and two cores do it in under two minutes.
"""

EXAMPLES = """\
[bold]Examples[/bold]

  fastdata demo
  fastdata demo --samples 200 --out trial/
  fastdata demo --json
"""

SHEET_SAMPLES = 36
THUMBNAIL = 320
MOST_WORKERS = 8


def run(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder for its files; else a new temporary one.", metavar="DIR"
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", help="Images to make.", min=8, max=100_000)
    ] = 1000,
    steps: Annotated[
        int, typer.Option("--steps", help="Training steps to time, each way.", min=2, max=10_000)
    ] = 25,
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Images a step.", min=2, max=4096)
    ] = 32,
    seed: Annotated[int, typer.Option("--seed", help="Chooses images and weights.", min=0)] = 0,
    json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001
) -> None:
    """Runs the whole demo."""
    start = time.perf_counter()
    if samples < batch_size:
        raise UsageError(
            f"--samples is {samples} and --batch-size {batch_size}: not one whole batch; "
            "give more samples or a smaller batch"
        )
    folder = _folder(out)
    made, made_seconds = _make(folder / "files", samples, seed)
    conversion = _convert(made, folder / "demo.lmdb")
    sheet = folder / "sheet.html"
    with open_pack(conversion.out) as pack:
        write_sheet(pack, sheet, samples=SHEET_SAMPLES, longest=THUMBNAIL)
    runs = _train(made, conversion.out, steps=steps, batch_size=batch_size, seed=seed)
    result = Result(
        folder=folder,
        samples=made.samples,
        image_bytes=made.image_bytes,
        made_seconds=made_seconds,
        conversion=conversion,
        sheet=sheet,
        runs=runs,
        workers=_cores(),
        total_seconds=time.perf_counter() - start,
    )
    if json:
        console.print_json(document(result))
    else:
        show(result)


def _cores() -> int:
    # More would not show more, and starting many workers takes longer than the training.
    return min(read_machine().cores, MOST_WORKERS)


def _folder(out: Path | None) -> Path:
    if out is None:
        return Path(tempfile.mkdtemp(prefix="fastdata-demo-"))
    out.mkdir(parents=True, exist_ok=True)
    return out


def _make(folder: Path, samples: int, seed: int) -> tuple[MadeFiles, float]:
    start = time.perf_counter()
    with Meter("making images", unit="images") as meter:
        made = write_files(
            folder, samples=samples, seed=seed, threads=_cores(), progress=meter.update
        )
    return made, time.perf_counter() - start


def _convert(made: MadeFiles, out: Path) -> ConversionSummary:
    return convert_showing(made.table, out, overwrite=True, **CONVERSION)


def _train(
    made: MadeFiles, pack: Path, *, steps: int, batch_size: int, seed: int
) -> tuple[Run, ...]:
    # Training on a CPU shares its cores with the loading. OpenMP threads that spin while they wait
    # would take them away: 288 ms a step instead of 186 ms with two workers on two cores, 134
    # instead of 107 from the pack. The library reads this when torch loads it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Only here, so that help and image making do not wait for torch.
    from fastdata.demo.race import run_files, run_pack

    runs = []
    for workers in (0, _cores()):
        with Meter(f"training from files, {workers} workers", unit="steps") as meter:
            runs.append(
                run_files(
                    made.table,
                    workers=workers,
                    steps=steps,
                    batch_size=batch_size,
                    seed=seed,
                    progress=meter.update,
                )
            )
    with Meter("training from the pack", unit="steps") as meter:
        runs.append(
            run_pack(pack, steps=steps, batch_size=batch_size, seed=seed, progress=meter.update)
        )
    return tuple(runs)

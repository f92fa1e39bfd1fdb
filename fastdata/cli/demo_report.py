"""What ``fastdata demo`` found, for people and for machines."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from fastdata.cli import console
from fastdata.converters import ConversionSummary
from fastdata.demo.records import Run

__all__ = ["Result", "document", "show"]

# Width of the bar that divides a step into waiting and computing.
SHARE_COLUMNS = 20


@dataclass(frozen=True)
class Result:
    """Everything that the demo did.

    Attributes:
        folder: Where its files lie.
        samples: Images made.
        image_bytes: Size of their files.
        made_seconds: Time to make them.
        conversion: What `convert` reported.
        sheet: The contact sheet.
        runs: From files without workers, from files with workers, from the pack.
        workers: Worker processes of the second run.
        total_seconds: From start to end.
    """

    folder: Path
    samples: int
    image_bytes: int
    made_seconds: float
    conversion: ConversionSummary
    sheet: Path
    runs: tuple[Run, ...]
    workers: int
    total_seconds: float


def document(result: Result) -> dict[str, object]:
    """The result for `console.print_json`."""
    plain = {name: value for name, value in vars(result).items() if name != "conversion"}
    runs = [
        dataclasses.asdict(run)
        | {
            "data_share": run.data_share,
            "step_seconds": run.step_seconds,
            "images_per_second": run.images_per_second,
        }
        for run in result.runs
    ]
    return plain | {"conversion": result.conversion.to_json(), "runs": runs}


def show(result: Result) -> None:
    """Prints the result for people."""
    out = console.stdout()
    console.print_facts(_story(result))
    out.print()
    out.print(_splits(result.runs, "#." if out.options.ascii_only else "█░"))
    console.print_facts(_verdict(result))


def _story(result: Result) -> Iterator[tuple[str, str]]:
    conversion = result.conversion
    yield (
        "made",
        f"{result.samples:,} images with masks and labels, "
        f"{console.human_bytes(result.image_bytes / result.samples)} each, "
        f"in {console.human_seconds(result.made_seconds)}",
    )
    yield (
        "packed",
        f"{conversion.count:,} samples with distance maps into {conversion.out.name}, "
        f"{console.human_bytes(conversion.pack_bytes)}, "
        f"in {console.human_seconds(conversion.seconds)}",
    )
    first = result.runs[0]
    yield (
        "trained",
        f"one small network, {first.steps} steps of {first.batch_size} images each way; "
        "same crops, flips and normalisation; from files, distance maps are computed on the way",
    )


def _splits(runs: tuple[Run, ...], blocks: str) -> Table:
    table = Table(box=console.BOX, header_style="bold")
    table.add_column("a step from", no_wrap=True)
    for name in ("data", "compute", "waits for data", "images/s"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in runs:
        waits = round(SHARE_COLUMNS * run.data_share)
        bar = blocks[0] * waits + blocks[1] * (SHARE_COLUMNS - waits)
        table.add_row(
            run.name,
            f"{run.data_seconds * 1000:.0f} ms",
            f"{run.compute_seconds * 1000:.0f} ms",
            f"{bar} {run.data_share:4.0%}",
            f"{run.images_per_second:,.0f}",
        )
    return table


def _verdict(result: Result) -> Iterator[tuple[str, str]]:
    plain, workers, pack = result.runs
    ratios = [pack.images_per_second / run.images_per_second for run in (plain, workers)]
    yield (
        "result",
        f"FastLoader on the pack trains {ratios[0]:.1f}x the images a second of the plain script "
        f"and {ratios[1]:.1f}x those of the script with {result.workers} workers",
    )
    losses = ", ".join(f"{run.loss_first:.2f} to {run.loss_last:.2f}" for run in result.runs)
    yield "loss", losses
    yield "sheet", f"{result.sheet}: open it in a browser"
    yield "files", f"{result.folder}, {console.human_seconds(result.total_seconds)} in all"
    yield "next", "fastdata convert YOUR_DATA yours.lmdb, then in your training script:"
    yield "", "loader = fastdata.FastLoader('yours.lmdb', batch_size=32, shuffle=True)"

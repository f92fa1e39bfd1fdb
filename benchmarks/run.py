"""Runs fastdata's own benchmarks and writes the first table of benchmarks/README.md.

    python benchmarks/run.py                  about four minutes on two cores
    python benchmarks/run.py --photos DIR     with photos instead of made scenes where they matter
    python benchmarks/run.py memory.py        this one anew; the rest as it was measured last

Each benchmark runs in a process of its own and prints JSON lines, which are shown as they come and
kept in benchmarks/results. Only ratios within one line are put into the table as comparisons:
machines differ, and so do days. peers/run.py measures against other loaders.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from page import renew

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results" / "own.jsonl"
WITH_PICTURES = ("memory.py", "loader_cpu.py")
SCRIPTS = ("gather.py", "distance.py", "open_pack.py", "import_time.py", *WITH_PICTURES)

Record = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        case: Which JSON line it is taken from.
        what: What was measured.
        read: Takes the figure out of that line, as text.
        asked: The bar it has to pass, as text.
    """

    case: str
    what: str
    read: Callable[[Record], str]
    asked: str


def times(key: str) -> Callable[[Record], str]:
    """A ratio to a slower contender."""
    return lambda record: f"{record[key]:.0f}x"


def share(key: str) -> Callable[[Record], str]:
    """A ratio to a limit."""
    return lambda record: f"{record[key]:.0%}"


def opened(record: Record) -> str:
    """Seconds and private memory of an open."""
    seconds = max(record["open_seconds"], record["first_open_seconds"])
    grown = record["uss_opened_mb"] - record["uss_before_mb"]
    return f"{seconds:.3f} s, {grown:.1f} MB"


ROWS = (
    Row("gray", "raw 128x128 gray, against `np.take` alone", share("ratio_to_numpy"), "60 %"),
    Row(
        "gray",
        "raw 128x128 gray, against a DataLoader over PNG files, 2 workers",
        times("ratio_to_dataloader_png_2_workers"),
        "40x",
    ),
    Row(
        "windows",
        "24x12 windows with a target, against the NumPy gather alone",
        share("ratio_to_numpy"),
        "50 %",
    ),
    Row(
        "windows",
        "24x12 windows with a target, against a DataLoader over a TensorDataset",
        times("ratio_to_dataloader_tensordataset_0_workers"),
        "",
    ),
    Row(
        "boundary 480x360",
        "boundary maps from the pack (uint8), against computing them by `edt`",
        times("pack_uint8_to_online_edt"),
        "10x",
    ),
    Row(
        "boundary 480x360",
        "boundary maps from the pack (float16), against computing them by `edt`",
        times("pack_float16_to_online_edt"),
        "10x",
    ),
    Row(
        "boundary 480x360",
        "boundary maps from the pack (float16), against computing them by SciPy",
        times("pack_float16_to_online_scipy"),
        "10x",
    ),
    Row("open_pack lmdb", "open one million samples, LMDB", opened, "0.3 s, 100 MB"),
    Row("open_pack h5", "open one million samples, HDF5", opened, "0.3 s, 100 MB"),
    Row(
        "import fastdata",
        "`import fastdata`",
        lambda record: f"{record['import_seconds']:.3f} s",
        "0.1 s",
    ),
    Row(
        "memory",
        "private memory of a loader, beyond torch and the batches in flight",
        lambda record: f"{record['loader_mb']:.0f} MB",
        "300 MB",
    ),
    Row(
        "memory",
        "its growth an epoch, from the tenth to the last of 50",
        lambda record: f"{record['growth_mb_per_epoch']:+.3f} MB",
        "none",
    ),
    Row(
        "loader_cpu",
        "the loader's own Python, at batches of 128, as a share of one core",
        lambda record: f"{record['python_share_of_a_core']:.1%}",
        "3 %",
    ),
)


def run(script: str, *arguments: str) -> list[Record]:
    """The JSON lines that a benchmark prints."""
    command = [sys.executable, str(FOLDER / script), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout, end="", flush=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def name_of(record: Record) -> str:
    """The name by which a row asks for this line."""
    return f"{record['case']} {record.get('backend', '')}".strip()


def table(records: dict[str, Record]) -> str:
    """The rows as Markdown; a benchmark that could not measure says why instead."""
    lines = ["| what | measured | asked |", "|---|---|---|"]
    for row in ROWS:
        record = records[row.case]
        figure = f"not measured: {record['failed']}" if "failed" in record else row.read(record)
        lines.append(f"| {row.what} | {figure} | {row.asked} |")
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return "\n".join([*lines, "", f"Measured on {machine}, Python {platform.python_version()}."])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help=", ".join(SCRIPTS))
    parser.add_argument("--photos", type=Path, help="folder of JPEG files")
    options = parser.parse_args()
    photos = ("--photos", str(options.photos)) if options.photos else ()
    kept = last_lines() if options.scripts else {}
    for script in options.scripts or SCRIPTS:
        lines = run(script, *(photos if script in WITH_PICTURES else ()))
        kept |= {name_of(line): line for line in lines}
    RESULTS.parent.mkdir(exist_ok=True)
    text = "".join(f"{json.dumps(line)}\n" for line in kept.values())
    RESULTS.write_text(text, encoding="utf-8")
    renew("own", table(kept))


def last_lines() -> dict[str, Record]:
    """The lines of the last run, by name."""
    lines = RESULTS.read_text(encoding="utf-8").splitlines()
    return {name_of(record): record for record in map(json.loads, lines)}


if __name__ == "__main__":
    main()

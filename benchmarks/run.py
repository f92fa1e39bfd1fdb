"""Runs every benchmark of this folder and writes the table of benchmarks/README.md.

    python benchmarks/run.py            about two minutes on two cores

Each benchmark runs in a process of its own and prints JSON lines, which are shown as they come.
Only ratios within one line are put into the table as comparisons: machines differ, and so do days.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER / "README.md"
SCRIPTS = ("gather.py", "distance.py", "open_pack.py", "import_time.py")
START, END = "<!-- table -->", "<!-- end of table -->"

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
)


def run(script: str) -> list[Record]:
    """The JSON lines that a benchmark prints."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / script)], stdout=subprocess.PIPE, text=True, check=True
    )
    print(done.stdout, end="", flush=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def name_of(record: Record) -> str:
    """The name by which a row asks for this line."""
    return f"{record['case']} {record.get('backend', '')}".strip()


def table(records: dict[str, Record]) -> str:
    """The rows as Markdown."""
    lines = ["| what | measured | asked |", "|---|---|---|"]
    lines += [f"| {row.what} | {row.read(records[row.case])} | {row.asked} |" for row in ROWS]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return "\n".join([*lines, "", f"Measured on {machine}, Python {platform.python_version()}."])


def main() -> None:
    records = {name_of(record): record for script in SCRIPTS for record in run(script)}
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(START)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{START}\n{table(records)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

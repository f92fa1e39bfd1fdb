"""Measures FastLoader against other loaders, and writes the tables of benchmarks/README.md.

    python benchmarks/peers/install.py                     once: the peers' environments
    python benchmarks/peers/run.py --photos DIR            measure, and show the tables
    python benchmarks/peers/run.py --photos DIR --write    keep lines and tables in the repository

Every case is a process of its own, in its own environment, and prints one JSON line. All cases take
turns, and that several times, every other time backwards; a ratio is taken within one round, and
the table shows the median and the range. Before each process the files that it reads are read once,
so that they come from the page cache. Lines go to stdout as they come, the tables to stderr.

A round of all cases takes under four minutes on two cores. The data, 9 GB, are made once; after a
change of the converters, `--renew` makes fastdata's packs anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import install
from cases import CASES, Case
from data import claim, forget_packs
from launching import Workplace, make_ready, run
from table import Line, report

FOLDER = Path(__file__).resolve().parents[1]
RESULTS = FOLDER / "results" / "peers.jsonl"


def main() -> None:
    options = arguments()
    place = Workplace(
        options.photos,
        options.data,
        options.environments,
        options.threads,
        options.seconds,
        options.patience,
    )
    lines = [describe(options)]
    show(lines[0])
    chosen = [case for case in CASES if not options.only or case.name in options.only]
    with claim(place.data, place.photos):
        if options.renew:
            forget_packs(place.data)
        for line in measure(chosen, place, options.rounds):
            show(line)
            lines.append(line)
    print(report(lines), file=sys.stderr)
    if options.write:
        keep(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True, help="folder of JPEG files")
    parser.add_argument("--environments", type=Path, default=install.DEFAULT, metavar="DIR")
    parser.add_argument("--data", type=Path, default=install.DEFAULT / "data", metavar="DIR")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="measured in each process")
    parser.add_argument("--threads", type=int, default=2, help="threads or workers, and cores")
    parser.add_argument(
        "--patience",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long each process may wait for others to leave the machine alone",
    )
    names = [case.name for case in CASES]
    parser.add_argument("--only", nargs="+", metavar="CASE", choices=names, help=", ".join(names))
    parser.add_argument("--renew", action="store_true", help="convert fastdata's packs anew")
    parser.add_argument("--write", action="store_true", help="renew results/ and README.md")
    return parser.parse_args()


def describe(options: argparse.Namespace) -> Line:
    """The first line: where and how this was measured."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    return {
        "machine": f"{platform.system()} {platform.machine()}, {models[0] if models else '?'}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "threads": options.threads,
        "rounds": options.rounds,
        "seconds": options.seconds,
    }


def measure(cases: Sequence[Case], place: Workplace, rounds: int) -> Iterator[Line]:
    """The lines of all rounds; a case that fails is not tried again."""
    failed = set()
    for case in cases:
        if reason := make_ready(case, place):
            failed.add(case.name)
            yield {"case": case.name, "failed": reason}
    for number in range(rounds):
        for case in cases if number % 2 == 0 else reversed(cases):
            if case.name not in failed:
                line = {"case": case.name, "round": number} | run(case, place)
                if "failed" in line:
                    failed.add(case.name)
                yield line


def show(line: Line) -> None:
    print(json.dumps(line), flush=True)


def keep(lines: Sequence[Line]) -> None:
    """Renew what the repository holds of the results."""
    RESULTS.parent.mkdir(exist_ok=True)
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    RESULTS.write_text(text, encoding="utf-8")
    page = [sys.executable, str(FOLDER / "page.py"), "peers"]
    subprocess.run(page, input=report(lines), text=True, check=True)


if __name__ == "__main__":
    main()

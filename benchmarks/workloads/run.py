"""Measures the workloads before and after, and renews their table in benchmarks/README.md.

    python -m workloads.run                         all of them, on made data where none is given
    python -m workloads.run --data DIR --write      with photos/, camvid/ and pm25/ of DIR; keep it
    python -m workloads.run gray128 --rounds 4      one of them; run this in benchmarks/

Each case is a process of its own and prints one JSON line. The cases of a workload take turns (a b
b a ...), after their files were read once, so that both read from the page cache. Both run with
OMP_WAIT_POLICY=PASSIVE, as `fastdata train` does: threads of torch that spin while they wait would
take the cores away from everything else. A minute a case on two cores.

It ends with 1 if a case has not learned, if the cases did not train on equally many samples, or if
a workload that decodes images waits for more than 21 % of what it waited before.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from page import renew

from workloads.table import Line, faults, report

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER.parent / "results" / "workloads.jsonl"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/config.yaml"))
CASES = ("before", "after")


def main() -> None:
    options = arguments()
    lines: list[Line] = []
    for name in options.names or NAMES:
        for line in measure(name, options):
            print(json.dumps(line), flush=True)
            lines.append(line)
    if options.write:
        lines = keep(lines)
    print(report(lines), file=sys.stderr)
    found = faults(lines)
    print("\n".join(found), file=sys.stderr)
    sys.exit(1 if found else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of real data")
    parser.add_argument("--work", type=Path, metavar="DIR", help="for what is made, DIR/NAME each")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--samples", type=int, help="instead of each workload's own number")
    parser.add_argument("--epochs", type=int, help="instead of each workload's own number")
    parser.add_argument("--write", action="store_true", help="renew results/ and README.md")
    options = parser.parse_args()
    for name in options.names:
        if name not in NAMES:
            parser.error(f"there is no workload {name!r}; expected {', '.join(NAMES)}")
    return options


def measure(name: str, options: argparse.Namespace) -> Iterator[Line]:
    """The lines of all rounds of a workload."""
    work = FOLDER / name / "made" if options.work is None else options.work.resolve() / name
    given = {"work": work, "samples": options.samples, "epochs": options.epochs}
    if options.data is not None:
        given["data"] = options.data.resolve()
    words = [str(w) for key, value in given.items() if value for w in (f"--{key}", value)]
    start(name, "data", words)
    for number in range(options.rounds):
        for case in CASES if number % 2 == 0 else reversed(CASES):
            read_through(work)
            taken, everyone = children_seconds(), machine_seconds()
            said = json.loads(start(name, case, words).splitlines()[-1])
            used = children_seconds() - taken
            others = max(0.0, machine_seconds() - everyone - used)
            cpu = {"cpu_seconds": used, "cpu_seconds_of_others": others}
            yield {"workload": name, "case": case, "round": number, **machine(), **said, **cpu}


def start(name: str, script: str, words: Sequence[str]) -> str:
    """What a script of a workload prints; its errors are shown as they come.

    Raises:
        SystemExit: It failed.
    """
    command = [sys.executable, "-m", f"workloads.{name}.{script}", *words]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        cwd=FOLDER.parent,
        env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
    )
    if done.returncode:
        raise SystemExit(f"{name}: {script}.py ended with {done.returncode}; see above")
    return done.stdout


def read_through(folder: Path) -> None:
    """Brings all files below a folder into the page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.read_bytes()


def children_seconds() -> float:
    """CPU time of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def machine_seconds() -> float:
    """CPU time that the whole machine has spent on anything."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def machine() -> dict[str, Any]:
    """Where and when this was measured."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {models[0] if models else '?'}",
        "cores": len(os.sched_getaffinity(0)),
    }


def keep(lines: Sequence[Line]) -> list[Line]:
    """Renews what the repository holds of these workloads; returns the lines of all."""
    names = {line["workload"] for line in lines}
    kept = []
    if RESULTS.exists():
        kept = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    merged = [*(line for line in kept if line["workload"] not in names), *lines]
    merged.sort(key=lambda line: (line["workload"], line["round"]))
    RESULTS.write_text("".join(f"{json.dumps(line)}\n" for line in merged), encoding="utf-8")
    renew("workloads", report(merged))
    return merged


if __name__ == "__main__":
    main()

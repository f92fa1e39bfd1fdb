"""Does what a profile's verdict says, and sets what was predicted beside what came of it.

    python benchmarks/whatif_ledger.py --write                 the demo from files
    python benchmarks/whatif_ledger.py --photos DIR --write    and a plain loop over JPEG files

Each training runs in a process of its own under the profiler, with 0, 1 and 2 workers, forwards in
one round and backwards in the next. Where a verdict says "num_workers: 0 -> 1", its what-if of that
name is compared with what the run of that many workers took, within the round. One JSON line a
prediction; the error is signed, predicted less got. It ends with 1 where a run had no such verdict.
Two rounds of the demo take about two minutes on two cores.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from page import renew

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results" / "whatif_ledger.jsonl"
TRAINED = FOLDER / "whatif_trained.py"
WORKERS = (0, 1, 2)
COMMAND = "num_workers: "

Line = dict[str, Any]


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        for line in measure(options, Path(folder)):
            print(json.dumps(line), flush=True)
            lines.append(line)
    page = table(lines)
    print(page, file=sys.stderr)
    if options.write:
        RESULTS.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        renew("whatif-ledger", page)
    sys.exit(any("failed" in line for line in lines))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, help="folder of JPEG files")
    parser.add_argument("--samples", type=int, default=192, help="pictures to make; default 192")
    parser.add_argument("--batch", type=int, default=16, help="pictures a step; default 16")
    parser.add_argument("--steps", type=int, default=30, help="measured in each run; default 30")
    parser.add_argument("--rounds", type=int, default=2, help="default 2")
    parser.add_argument("--write", action="store_true", help="renew results/ and README.md")
    return parser.parse_args()


def measure(options: argparse.Namespace, folder: Path) -> Iterator[Line]:
    """The lines of all rounds."""
    sizes = (str(options.batch), str(options.steps))
    run("make", folder, str(options.samples))
    cases = [("demo, files", "demo", folder)]
    if options.photos:
        cases.append(("plain loop, photos", "photos", options.photos))
    for number in range(options.rounds):
        for name, kind, data in cases:
            profiles: dict[int, Line] = {}
            for workers in WORKERS if number % 2 == 0 else reversed(WORKERS):
                profiles[workers] = run(kind, data, *sizes, str(workers))
            for line in compare(profiles):
                yield {"case": name, "round": number, "place": place()} | line


def run(kind: str, data: Path, *words: str) -> Line:
    """What a training in a process of its own says; threads that wait do not spin, as in the demo.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    done = subprocess.run(
        [sys.executable, str(TRAINED), kind, str(data), *words],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=True,
        env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
    )
    found: Line = json.loads(done.stdout)
    return found


def compare(profiles: dict[int, Line]) -> Iterator[Line]:
    """Predicted and got, for each run but that with the most workers; milliseconds."""
    for workers in sorted(profiles)[:-1]:
        profile = profiles[workers]
        command = profile["command"] or ""
        told = {"workers": workers, "command": command, "now": profile["now"] * 1e3}
        wanted = command.removeprefix(f"{COMMAND}{workers} -> ")
        if not wanted.isdigit() or int(wanted) not in profiles:
            yield told | {"failed": f"the verdict is {profile['verdict']}"}
            continue
        predicted = profile["more_workers"]
        got = profiles[int(wanted)]["now"]
        yield told | {
            "predicted": predicted["median"] * 1e3,
            "low": predicted["low"] * 1e3,
            "high": predicted["high"] * 1e3,
            "got": got * 1e3,
            "error": (predicted["median"] - got) * 1e3,
            "error_share": predicted["median"] / got - 1,
            "inside": predicted["low"] <= got <= predicted["high"],
        }


def place() -> str:
    """Where and when."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {today}"


def table(lines: Iterable[Line]) -> str:
    """The lines as Markdown."""
    rows = [
        "| training | the verdict's command | before | predicted | got | error | inside |",
        "|---|---|---|---|---|---|---|",
    ]
    where = ""
    for line in lines:
        where = line["place"]
        head = f"| {line['case']} | {line['command'] or 'none'} | {line['now']:.1f} ms"
        if "failed" in line:
            rows.append(f"{head} | {line['failed']} |  |  |  |")
            continue
        span = f"{line['low']:.1f} to {line['high']:.1f}"
        rows.append(
            f"{head} | {line['predicted']:.1f} ms ({span}) | {line['got']:.1f} ms "
            f"| {line['error']:+.1f} ms, {line['error_share']:+.1%} "
            f"| {'yes' if line['inside'] else '**no**'} |"
        )
    return "\n".join([*rows, "", f"Measured on {where}; times are of a step."])


if __name__ == "__main__":
    main()

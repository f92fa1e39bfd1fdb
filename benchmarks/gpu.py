"""Measures loaders onto a GPU, and training from them; writes the table of benchmarks/README.md.

    python benchmarks/gpu.py --photos DIR                        measure, and show the table
    python benchmarks/gpu.py --photos DIR --epoch-starts 1000    whether starting epochs leaks
    python benchmarks/gpu.py --lines FILE --write                put lines of another run there

Every loader gives normalised float16 batches on the GPU; first alone, then to a ResNet-50 that
trains in bfloat16, which is compared with the same network fed with one batch that lies on the GPU.
Each case is a process of its own and prints a JSON line for either measurement as it comes. Cases
take turns, every other round backwards; ratios are taken within rounds. Before each the files that
it reads are read once, so that they come from the page cache. Lines go to stdout, the rest to
stderr.

A round is made to take under five minutes with 16 cores and an H100 or H200; the data, 3.6 GB, are
made once. Without a GPU every row says so. It ends with 1 if something that is asked is not
reached; what was not measured does not count.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from gpurows.cases import CASES, Case
from gpurows.data import prepare
from gpurows.job import Job, add_options, job_of, words_of
from gpurows.launching import lines_of
from gpurows.starts_table import starts_faults
from gpurows.table import Line, faults, report
from page import renew
from workloads.run import machine, read_through

from fastdata.hardware import read_machine
from fastdata.monitoring.nvml import GpusUnseen, open_gpus

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results" / "gpu.jsonl"
STARTS = "epoch-starts"
NO_GPU = "no GPU at hand"


def main() -> None:
    options = arguments()
    lines = []
    for line in read(options.lines) if options.lines else measure(options):
        print(json.dumps(line), flush=True)
        lines.append(line)
    found = faults(lines) + starts_faults([line for line in lines if line["case"] == STARTS])
    if options.write:
        keep(lines)
    if not options.json:
        print(report(lines), *found, sep="\n", file=sys.stderr)
    sys.exit(1 if found else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, help="folder of JPEG files; else scenes are made")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("~/.cache/fastdata-gpu").expanduser(),
        metavar="DIR",
        help="where files and packs are made, and found the next time",
    )
    parser.add_argument(
        "--images", type=int, default=16_384, help="in an epoch, photos repeated; default 16384"
    )
    add_options(parser, read_machine().cores)
    parser.add_argument("--rounds", type=int, default=1)
    names = [case.name for case in CASES]
    parser.add_argument("--only", nargs="+", metavar="CASE", choices=names, help=", ".join(names))
    parser.add_argument(
        "--epoch-starts", type=int, metavar="N", help="start N epochs of FastLoader dali instead"
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=90.0,
        metavar="SECONDS",
        help="for each case's process; 540 are allowed for epoch starts; default 90",
    )
    parser.add_argument("--lines", type=Path, metavar="FILE", help="take these, measure nothing")
    parser.add_argument("--json", action="store_true", help="the JSON lines alone")
    parser.add_argument("--write", action="store_true", help="renew results/ and README.md")
    options = parser.parse_args()
    if options.images < options.batch:
        parser.error(f"--images {options.images} is less than a batch of {options.batch}")
    return options


def read(path: Path) -> Iterator[Line]:
    """The lines of another run; what else a log holds is left out."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def measure(options: argparse.Namespace) -> Iterator[Line]:
    """The lines of all rounds, or of the epoch starts."""
    about = describe(options.device)
    chosen = [case for case in CASES if not options.only or case.name in options.only]
    names = [STARTS] if options.epoch_starts else [case.name for case in chosen]
    if options.device == "cuda" and not torch.cuda.is_available():
        yield from ({"case": name, "round": 0, **about, "failed": NO_GPU} for name in names)
        return
    say(options, "making the data, unless they are there")
    job = job_of(prepare(options.data.resolve(), options.photos, options.images), options)
    if options.epoch_starts:
        read_through(job.pack)
        words = (str(options.epoch_starts), str(job.work), *words_of(job))
        limit = max(540.0, options.limit)
        for line in lines_of("epoch_starts", words, limit_seconds=limit):
            yield {"case": STARTS, **about, **line}
        return
    yield from (about | line for line in rounds(chosen, job, options))


def rounds(cases: Sequence[Case], job: Job, options: argparse.Namespace) -> Iterator[Line]:
    """The lines of all rounds; a case that fails is not tried again."""
    failed = set()
    for number in range(options.rounds):
        for case in cases if number % 2 == 0 else reversed(cases):
            if case.name in failed:
                continue
            say(options, f"round {number + 1} of {options.rounds}: {case.label}")
            read_through(job.work)
            words = (case.name, str(job.work), *words_of(job))
            for line in lines_of("case", words, limit_seconds=options.limit):
                if "failed" in line:
                    failed.add(case.name)
                yield {"case": case.name, "round": number, **line}


def describe(device: str) -> Line:
    """Where and when this is measured."""
    found = machine()
    try:
        gpu = open_gpus().facts()[0].name if device == "cuda" else "CPU only"
    except GpusUnseen:
        gpu = NO_GPU
    torch_version = f"torch {torch.__version__}, Python {platform.python_version()}"
    place = f"{found['machine']}, {found['cores']} cores, {gpu}, {torch_version}, {found['date']}"
    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "place": place,
    }


def say(options: argparse.Namespace, text: str) -> None:
    """Progress, for who waits."""
    if not options.json:
        print(f"{datetime.datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def keep(lines: Sequence[Line]) -> None:
    """Renew what the repository holds of the cases that were run; without a GPU none was."""
    kept = list(read(RESULTS)) if RESULTS.exists() else []
    known = {line["case"] for line in kept}
    new = [line for line in lines if line["case"] not in known or line.get("failed") != NO_GPU]
    names = {line["case"] for line in new}
    merged = [*(line for line in kept if line["case"] not in names), *new]
    text = "".join(f"{json.dumps(line)}\n" for line in merged)
    RESULTS.write_text(text, encoding="utf-8")
    renew("gpu", report(merged))


if __name__ == "__main__":
    main()

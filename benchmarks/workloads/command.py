"""The command line that all scripts of all workloads share."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastdata
from workloads.job import Job, Outcome

__all__ = ["make", "measure"]

Prepare = Callable[[Job], None]


def make(description: str | None, job: Job, make_files: Prepare) -> None:
    """Runs a ``data.py``: makes the files where they are not there yet."""
    prepare(arguments(description, job), make_files)


def measure(
    description: str | None,
    job: Job,
    make_files: Prepare,
    train: Callable[[Job], Outcome],
    *,
    pack: Prepare | None = None,
) -> None:
    """Runs a ``before.py`` or ``after.py``: makes what is missing, trains, prints one JSON line.

    Args:
        description: Docstring of the script.
        job: The workload's default.
        make_files: Of the workload.
        train: The case itself.
        pack: Makes the packs, where the case wants some; its time is told apart, since a pack is
            made once.
    """
    job = arguments(description, job)
    prepare(job, make_files)
    start = time.perf_counter()
    if pack is not None:
        pack(job)
    packed_seconds = time.perf_counter() - start
    with fastdata.Monitor(interval=0.5) as monitor:
        outcome = train(job)
    busy = monitor.summary().figures("gpu0_busy_share")
    gpu = None if busy is None else {"mean": busy.mean, "deviation": busy.spread}
    print(json.dumps(line(outcome) | {"pack_seconds": packed_seconds, "gpu": gpu}))


def line(outcome: Outcome) -> dict[str, Any]:
    """A run as one JSON line."""
    return {
        "samples_per_second": outcome.samples_per_second,
        "wait_ms": outcome.wait_seconds * 1e3,
        "wait_ms_with_first": outcome.wait_seconds_with_first * 1e3,
        "wait_share": outcome.wait_share,
        **dataclasses.asdict(outcome),
        "faults": outcome.faults(),
    }


def arguments(description: str | None, job: Job) -> Job:
    """The job that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=job.work, metavar="DIR", help="what is made")
    parser.add_argument("--data", type=Path, metavar="DIR", help="real data; else some are made")
    parser.add_argument("--samples", type=int, default=job.samples, help=f"default {job.samples}")
    parser.add_argument("--epochs", type=int, default=job.epochs, help=f"default {job.epochs}")
    return Job(**vars(parser.parse_args()))


def prepare(job: Job, make_files: Prepare) -> None:
    """Makes the files, unless they are there and made for the same job.

    Raises:
        SystemExit: They were made for another.
    """
    note = job.work / "made_for.json"
    wanted = {"samples": job.samples, "data": None if job.data is None else str(job.data.resolve())}
    if note.exists():
        found = json.loads(note.read_text(encoding="utf-8"))
        if found != wanted:
            raise SystemExit(f"{job.work} was made for {found}, not for {wanted}; remove it first")
        return
    if job.work.exists() and any(job.work.iterdir()):
        raise SystemExit(f"{job.work} holds something unfinished, or of others; remove it first")
    job.work.mkdir(parents=True, exist_ok=True)
    make_files(job)
    note.write_text(json.dumps(wanted), encoding="utf-8")

"""Runs one case in a process of its own, on data that lie in the page cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import install
import psutil
from cases import OWN, Case
from data import prepare

HERE = Path(__file__).resolve().parent
TIME_LIMIT_SECONDS = 120
QUIET_CORES, QUIET_SECONDS = 0.15, 0.5
"""What others may take of the machine, and for how long they are watched."""


@dataclass(frozen=True)
class Workplace:
    """Where and how long cases run.

    Attributes:
        photos: The folder of JPEG files that was given.
        data: What data.py makes of it.
        environments: What install.py makes.
        threads: Threads or workers of each loader.
        seconds: How long each is measured.
        patience: Seconds that each may wait for other processes to leave the machine alone.
    """

    photos: Path
    data: Path
    environments: Path
    threads: int
    seconds: float
    patience: float


def make_ready(case: Case, place: Workplace) -> str | None:
    """Make what a case reads; returns the reason if it cannot run."""
    if case.environment != OWN:
        reason = install.failure_of(place.environments, case.environment)
        if reason:
            return reason
    try:
        prepare(place.data, place.photos, case.reads, place.environments)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def run(case: Case, place: Workplace) -> dict[str, Any]:
    """The line that a case prints, or the reason why it printed none."""
    read_through(place.data / case.reads)
    wait_for_quiet(place.patience)
    try:
        done = subprocess.run(
            command(case, place), capture_output=True, text=True, timeout=TIME_LIMIT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"no result within {TIME_LIMIT_SECONDS} seconds"}
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        errors = done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"]
        return {"failed": errors[-1]}
    return dict(json.loads(lines[-1]))


def command(case: Case, place: Workplace) -> list[str]:
    """How the case is started."""
    own = case.environment == OWN
    python = sys.executable if own else install.python_of(place.environments, case.environment)
    shared = ["--data", place.data, "--threads", place.threads, "--seconds", place.seconds]
    return [str(word) for word in (python, HERE / case.script, *shared, *case.arguments)]


def read_through(path: Path) -> None:
    """Bring a file, or all files of a folder, into the page cache."""
    files = [path] if path.is_file() else (file for file in path.rglob("*") if file.is_file())
    for file in files:
        with open(file, "rb", buffering=0) as opened:
            while opened.read(1 << 24):
                pass


def wait_for_quiet(patience: float) -> None:
    """Wait until other processes leave the cores alone, but not longer than `patience` seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if psutil.cpu_percent(QUIET_SECONDS) / 100 * (os.cpu_count() or 1) < QUIET_CORES:
            return

"""Runs what measures in processes of their own, and passes their lines on as they come."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["lines_of"]

BENCHMARKS = Path(__file__).resolve().parents[1]


def lines_of(
    module: str, words: Sequence[str], *, limit_seconds: float
) -> Iterator[dict[str, Any]]:
    """The JSON lines that a module of this folder prints; then why it ended early, if it did.

    Args:
        module: Its name.
        words: Its command line.
        limit_seconds: Time after which it is ended, with all that it has started.
    """
    command = [sys.executable, "-m", f"gpurows.{module}", *words]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(
            command,
            cwd=BENCHMARKS,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            # Threads of torch that spin while they wait would take the cores from the loader.
            env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
        )
        is_late = threading.Event()
        watch = threading.Timer(limit_seconds, _end, (process, is_late))
        watch.start()
        assert process.stdout is not None
        try:
            yield from map(json.loads, process.stdout)
            code = process.wait()
        finally:
            watch.cancel()
            _end(process, threading.Event())
            process.stdout.close()
        if is_late.is_set():
            yield {"failed": f"no result within {limit_seconds:g} seconds"}
        elif code:
            errors.seek(0)
            said = errors.read().strip().splitlines()
            yield {"failed": said[-1] if said else f"ended with code {code}"}


def _end(process: subprocess.Popen[str], is_late: threading.Event) -> None:
    """Ends the process and its workers, which are a group of their own."""
    if process.poll() is None:
        is_late.set()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

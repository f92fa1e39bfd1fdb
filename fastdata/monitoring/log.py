"""The log of a monitored run: one line a sample, whole whenever the run ends."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastdata.errors import StorageError, UsageError
from fastdata.monitoring.columns import Column
from fastdata.monitoring.records import Sample, Summary

__all__ = ["SUFFIXES", "Log"]

SUFFIXES = (".jsonl", ".csv")
SCHEMA_VERSION = 1
# A ten-thousandth of a core, of a share or of a byte is beyond what is measured.
DIGITS = 4


class Log:
    """Writes samples to a file, each in one system call.

    A ``.csv`` has a header and one row a sample, empty where something was not seen. A ``.jsonl``
    has one object a line, told apart by "kind": a "start" with the columns, their units and
    meanings, then each "sample" with the busiest children as "workers", at last the "summary".

    Args:
        path: The file; replaced when it exists.
        columns: What each sample holds.
        start: What else the first line of a ``.jsonl`` says.

    Raises:
        UsageError: The name has another ending.
        StorageError: The file cannot be written.
    """

    def __init__(self, path: Path, columns: Sequence[Column], start: Mapping[str, Any]) -> None:
        if path.suffix not in SUFFIXES:
            raise UsageError(
                f"the log {path} ends in {path.suffix or 'nothing'!r}; expected .jsonl or .csv"
            )
        self._names = [column.name for column in columns]
        self._is_csv = path.suffix == ".csv"
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)
            self._file = os.open(path, flags, 0o666)
        except OSError as error:
            raise StorageError(
                f"cannot write the log {path}: {error.strerror}; choose another file", error.errno
            ) from error
        if self._is_csv:
            self._line(",".join(["seconds", "interval_seconds", *self._names, "gpu_throttle"]))
        else:
            described = [dataclasses.asdict(column) for column in columns]
            opening = {"schema_version": SCHEMA_VERSION, **start, "columns": described}
            self._object("start", opening)

    def write(self, sample: Sample) -> None:
        """Appends a sample."""
        numbers = [_number(sample.values.get(name)) for name in self._names]
        seconds, length = _number(sample.seconds), _number(sample.interval_seconds)
        reasons = " + ".join(sample.throttle)
        if self._is_csv:
            cells = [
                "" if number is None else str(number) for number in (seconds, length, *numbers)
            ]
            self._line(",".join([*cells, reasons]))
            return
        values = dict(zip(self._names, numbers, strict=True))
        workers = [{"pid": w.pid, "cpu_cores": _number(w.cpu_cores)} for w in sample.workers]
        self._object(
            "sample",
            {"seconds": seconds, "interval_seconds": length, **values}
            | {"gpu_throttle": reasons, "workers": workers},
        )

    def close(self, summary: Summary | None) -> None:
        """Appends the summary, where there is one and the format has it, and closes the file."""
        try:
            if summary is not None and not self._is_csv:
                self._object("summary", dataclasses.asdict(summary))
        finally:
            os.close(self._file)

    def _object(self, kind: str, content: Mapping[str, Any]) -> None:
        self._line(json.dumps({"kind": kind, **content}, allow_nan=False))

    def _line(self, text: str) -> None:
        # Without a buffer of our own, so that no forked worker writes half of it again.
        left = memoryview(f"{text}\n".encode())
        while left:
            left = left[os.write(self._file, left) :]


def _number(value: float | None) -> float | int | None:
    if value is None or not math.isfinite(value):
        return None
    rounded = round(value, DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded

"""Output that survives any console: GBK, ASCII, a pipe, and file names in no encoding at all."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import sys
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.table import Table

from fastdata.wording import human_bytes, human_seconds, printable

__all__ = [
    "BOX",
    "fail",
    "human_bytes",
    "human_seconds",
    "make_safe",
    "note",
    "print_facts",
    "print_json",
    "printable",
    "stderr",
    "stdout",
]

# A pipe has no width; tables of this width still read well in a log or an editor.
PIPE_COLUMNS = 100

# Rules between header and body only; consoles that cannot show them get ASCII from rich.
BOX = box.SIMPLE_HEAD


def make_safe() -> None:
    """Makes stdout and stderr write an escape where their encoding lacks a character."""
    sys.stdout = _safe(sys.stdout)
    sys.stderr = _safe(sys.stderr)


def _safe(stream: TextIO | None) -> TextIO:
    if stream is None:  # started with the descriptor closed, as by `>&-`
        return open(os.devnull, "w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def stdout() -> Console:
    """The console for results."""
    return _console(sys.stdout)


def stderr() -> Console:
    """The console for progress, notes and errors."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    # Markup, emoji codes and highlighting would rewrite names such as "[red].jpg", ":smile:.png".
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_COLUMNS
    return Console(file=stream, markup=False, emoji=False, highlight=False, width=width)


def print_facts(lines: Iterable[tuple[str, str]]) -> None:
    """Prints names beside what is to be said about them; folded on a terminal, whole in a pipe."""
    known = [(name, printable(text)) for name, text in lines]
    width = max(len(name) for name, _ in known)
    out = stdout()
    if not out.is_terminal:
        for name, text in known:
            print(f"{name:<{width}}  {text}")
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in known:
        table.add_row(name, text)
    out.print(table)


def note(text: str) -> None:
    """Prints one line about the run on stderr."""
    _line(text)


def fail(text: str) -> None:
    """Prints the one line of an error on stderr."""
    _line(f"fastdata: error: {text}")


def _line(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)


def print_json(document: Any) -> None:
    """Prints one JSON document on stdout, in ASCII so that no console can refuse it."""
    print(json.dumps(_plain(document), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: _plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # a NumPy array or scalar; importing NumPy would slow down --help
        return _plain(value.tolist())
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

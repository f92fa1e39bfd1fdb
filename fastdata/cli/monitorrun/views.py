"""Where the live view goes: below a command's output, alone on a terminal, or into plain lines."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live

from fastdata.cli import console
from fastdata.cli.monitorrun.rows import Rows, plain_line
from fastdata.monitoring import Sample

__all__ = ["View", "view"]

LINE_SECONDS = 5.0
# Below it the command would have too little of the terminal left.
LEAST_ROWS_LEFT = 8


class View(Protocol):
    """Draws on stderr while it is entered."""

    def __enter__(self) -> View: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, sample: Sample) -> None:
        """Draws a sample; called from the sampling thread."""


def view(rows: Rows, *, cores: float, has_command: bool) -> View:
    """The view that fits stderr.

    Args:
        rows: What to draw.
        cores: Cores that quota and affinity allow.
        has_command: Whether a command writes to the same terminal. In a pipe it then has all of it.
    """
    out = console.stderr()
    if out.is_terminal and not out.is_dumb_terminal:
        return _Below(rows, out) if has_command else _Alone(rows, out)
    return _Nothing() if has_command else _Lines(cores)


class _Nothing:
    def __enter__(self) -> _Nothing:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return

    def show(self, sample: Sample) -> None:
        """Draws nothing."""


class _Lines(_Nothing):
    """A plain line every five seconds."""

    def __init__(self, cores: float) -> None:
        self._cores = cores
        self._shown_at = time.monotonic()

    def show(self, sample: Sample) -> None:
        now = time.monotonic()
        if now - self._shown_at >= LINE_SECONDS:
            self._shown_at = now
            console.note(plain_line(sample, cores=self._cores))


class _Alone(_Nothing):
    """Lines that are renewed in place, and gone at the end."""

    def __init__(self, rows: Rows, out: Console) -> None:
        self._rows = rows
        self._live = Live(console=out, auto_refresh=False, transient=True)

    def __enter__(self) -> _Alone:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, sample: Sample) -> None:
        self._rows.add(sample)
        options = self._live.console.options
        lines = self._rows.lines(width=options.max_width, ascii_only=options.ascii_only)
        self._live.update(Group(*lines), refresh=True)


class _Below(_Nothing):
    """The lowest lines of the terminal, while a command scrolls in those above.

    Source: ECMA-48 and DEC VT510, "DECSTBM" (scrolling region), "DECSC" and "DECRC" (cursor).
    """

    def __init__(self, rows: Rows, out: Console) -> None:
        self._rows = rows
        self._console = out
        self._size: os.terminal_size | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._size is not None:
            top = self._size.lines - self._rows.height + 1
            self._write(f"\x1b7\x1b[r\x1b[{top};1H\x1b[0J\x1b8")

    def show(self, sample: Sample) -> None:
        self._rows.add(sample)
        with contextlib.suppress(OSError):  # no terminal any more
            size = os.get_terminal_size(sys.stderr.fileno())
            if size.lines >= self._rows.height + LEAST_ROWS_LEFT:
                reserved = "" if size == self._size else self._reserve(size)
                self._write(reserved + self._drawn(size))

    def _reserve(self, size: os.terminal_size) -> str:
        """Scrolls the screen up by the view's height, and keeps output out of those lines."""
        height, self._size = self._rows.height, size
        return "\n" * height + f"\x1b7\x1b[1;{size.lines - height}r\x1b8\x1b[{height}A"

    def _drawn(self, size: os.terminal_size) -> str:
        ascii_only = self._console.options.ascii_only
        top = size.lines - self._rows.height + 1
        drawn = []
        for at, line in enumerate(self._rows.lines(width=size.columns, ascii_only=ascii_only)):
            with self._console.capture() as captured:
                self._console.print(line, end="", soft_wrap=True)
            drawn.append(f"\x1b[{top + at};1H\x1b[2K{captured.get()}")
        # The cursor and its colours are the command's.
        return "\x1b7\x1b[m" + "".join(drawn) + "\x1b8"

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

"""Shows a run on stderr: one line that is renewed on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.live import Live
from rich.text import Text

from fastdata.cli import console
from fastdata.training import LogLine, Record
from fastdata.training.lines import describe

__all__ = ["Show"]


class Show:
    """Shows records while it is entered.

    It draws only when a record comes: a drawing thread would make forking loader workers unsafe.
    """

    def __init__(self) -> None:
        self._live: Live | None = None
        if sys.stderr.isatty():
            self._live = Live(console=console.stderr(), auto_refresh=False, transient=True)

    def __enter__(self) -> Show:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def record(self, record: Record) -> None:
        """Shows what a record says: loss, samples/s, the share of data, memory."""
        lines = [console.printable(line) for line in describe(record).splitlines()]
        if self._live is None:
            for line in lines:
                console.note(line)
        elif isinstance(record, LogLine):
            self._live.update(Text(" ".join(lines)), refresh=True)
        else:
            for line in lines:
                self._live.console.print(line)

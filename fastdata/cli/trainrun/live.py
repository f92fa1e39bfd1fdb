"""Shows a run on stderr: one line that is renewed on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.live import Live
from rich.text import Text

from fastdata.cli import console
from fastdata.training import LogLine, Record
from fastdata.training.lines import describe, fitted

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
        if self._live is not None and isinstance(record, LogLine):
            # Some terminals begin a new line after the last column.
            self._live.update(Text(fitted(record, self._live.console.width - 1)), refresh=True)
            return
        for line in describe(record).splitlines():
            if self._live is None:
                console.note(line)
            else:
                self._live.console.print(console.printable(line))

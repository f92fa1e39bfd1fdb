"""SIGTERM asks the loop to stop where it can go on later, as cluster managers and torchrun do."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["EXIT_CODE", "Termination"]

EXIT_CODE = 128 + signal.SIGTERM


class Termination:
    """Notes SIGTERM while it is entered; the handler before it is back afterwards.

    Only the main thread can have handlers; in another one nothing changes.
    """

    def __init__(self) -> None:
        self.is_wanted = False
        self._before: Any = None
        self._process = 0

    def __enter__(self) -> Termination:
        if threading.current_thread() is threading.main_thread():
            self._process = os.getpid()
            self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process:
            # None: a handler that Python did not set, and cannot put back.
            signal.signal(signal.SIGTERM, self._before or signal.SIG_DFL)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() == self._process:
            self.is_wanted = True
            return
        # A forked loader worker has this handler too, but nothing that would look at the note.
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

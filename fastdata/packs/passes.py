"""Says how far the long passes over a pack's bytes are: writing them, and reading them back."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Passes", "Progress"]

# Called with the bytes done and the bytes in all.
Progress = Callable[[int, int], None]

# At the 100 MB/s of a slow disk this tells something new 25 times a second.
TOLD_BYTES = 4 << 20


class Passes:
    """Bytes done in one or several passes, told every few megabytes and at the end.

    Args:
        progress: Who wants to know, if anybody.
        total_bytes: Bytes of all passes.
    """

    def __init__(self, progress: Progress | None, total_bytes: int) -> None:
        self._progress = progress
        self._total_bytes = total_bytes
        self._done_bytes = self._told_bytes = 0

    def expect(self, nbytes: int) -> None:
        """Note that a further pass over so many bytes will follow."""
        self._total_bytes += nbytes

    def add(self, nbytes: int) -> None:
        """Note that so many more bytes are done."""
        self._done_bytes += nbytes
        if self._done_bytes - self._told_bytes >= TOLD_BYTES:
            self._tell(min(self._done_bytes, self._total_bytes))

    def end(self) -> None:
        """Note that all passes are done."""
        self._tell(self._total_bytes)

    def _tell(self, done_bytes: int) -> None:
        self._told_bytes = self._done_bytes
        if self._progress is not None:
            self._progress(done_bytes, self._total_bytes)

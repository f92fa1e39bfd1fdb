"""A file in memory that keeps only what was written, for laying out files larger than memory."""

from __future__ import annotations

import io
import os
from typing import Any

__all__ = ["MemoryFile"]


class MemoryFile(io.RawIOBase):
    """What h5py writes when no dataset is filled: kilobytes, scattered over terabytes.

    Attributes:
        nbytes: Size of the file.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nbytes = 0
        self._at = 0
        self._writes: list[tuple[int, bytes]] = []

    def readable(self) -> bool:
        """True."""
        return True

    def writable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As every file's."""
        self._at = offset + (0, self._at, self.nbytes)[whence]
        return self._at

    def tell(self) -> int:
        """As every file's."""
        return self._at

    def truncate(self, size: int | None = None, /) -> int:
        """As every file's."""
        self.nbytes = self._at if size is None else size
        return self.nbytes

    def write(self, data: Any, /) -> int:
        """Keep these bytes."""
        piece = bytes(data)
        self._writes.append((self._at, piece))
        self._at += len(piece)
        self.nbytes = max(self.nbytes, self._at)
        return len(piece)

    def readinto(self, buffer: Any, /) -> int:
        """Give back what was written, zeros elsewhere."""
        view = memoryview(buffer).cast("B")
        view[:] = bytes(len(view))
        for start, piece in self._writes:
            first, last = max(start, self._at), min(start + len(piece), self._at + len(view))
            if first < last:
                view[first - self._at : last - self._at] = piece[first - start : last - start]
        self._at += len(view)
        return len(view)

    def write_to(self, descriptor: int) -> None:
        """Write all that was kept to a real file, each piece at its place.

        Raises:
            OSError: The system refused.
        """
        for start, piece in self._writes:
            view = memoryview(piece)
            while view:
                written = os.pwrite(descriptor, view, start)
                view, start = view[written:], start + written

"""An append-only file with a bounded buffer, for staging."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from fastdata.packs.base import Bytes

__all__ = ["Stream", "map_file", "write_all"]

# Larger buffers were no faster here; a schema of twenty fields keeps 20 of them.
BUFFER_BYTES = 1 << 19


def write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Write everything, however little each call of the system takes.

    Raises:
        OSError: The system refused.
    """
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(descriptor, view) :]


def map_file(path: Path) -> Bytes:
    """All bytes of a file as a read-only map."""
    if not path.stat().st_size:
        return np.empty(0, np.uint8)
    # As a plain array, because slices of a memmap cost ten times as much.
    return np.asarray(np.memmap(path, np.uint8, "r"))


class Stream:
    """Bytes appended to one file.

    Args:
        path: The file; made when absent.
        keep: Bytes of it that are good; what follows them is cut off.

    Attributes:
        nbytes: Bytes appended so far, buffered ones included.

    Raises:
        OSError: The system refused.
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.ftruncate(self.descriptor, keep)
        os.lseek(self.descriptor, keep, os.SEEK_SET)
        self.nbytes = keep
        self._buffer = bytearray()

    def append(self, data: bytes | memoryview | Bytes) -> None:
        """Add bytes; they are written when the buffer is full."""
        self._buffer.extend(data.data if isinstance(data, np.ndarray) else data)
        self.nbytes += len(data)
        if len(self._buffer) >= BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand the buffer to the system."""
        if self._buffer:
            write_all(self.descriptor, self._buffer)
            self._buffer.clear()

    def sync(self) -> None:
        """Make everything so far durable."""
        self.flush()
        # macOS has no fdatasync.
        if hasattr(os, "fdatasync"):
            os.fdatasync(self.descriptor)
        else:
            os.fsync(self.descriptor)

    def close(self) -> None:
        """Let go of the file; what was not flushed is lost."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

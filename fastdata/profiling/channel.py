"""Memory that a profiled run and its watcher share, of which nothing is left whatever ends.

It is an anonymous file (``memfd``) in lanes: each process or thread that measures writes its own.
Forked children inherit it, others open it by ``/proc``; the kernel frees it with the last process
that holds it, killed or not. What was written is there for the watcher even then. Lanes that are
not used take no memory.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
import tempfile
from typing import Any

from fastdata.errors import StorageError

__all__ = ["LANE_BYTES", "Channel", "Lane"]

_LANES = 256
LANE_BYTES = 2 << 20
_TEXT_AT = 4096
_TEXT_BYTES = 128 * 1024 - _TEXT_AT
RINGS_AT = _TEXT_AT + _TEXT_BYTES
_HEADER = struct.Struct("<8d")
_TEXT_LENGTH = struct.Struct("<d")
_TEXT_LENGTH_AT = 7 * 8


class Lane:
    """One writer's part of a channel.

    Args:
        memory: The whole channel's.
        number: Which lane.
    """

    def __init__(self, memory: mmap.mmap, number: int) -> None:
        self.memory = memory
        self.number = number
        self.at = number * LANE_BYTES

    def begin(self, kind: int, begun: float) -> None:
        """Claims the lane for this process.

        Args:
            kind: What writes here, from 1.
            begun: `time.perf_counter`, which all processes of a machine share on Linux.
        """
        _HEADER.pack_into(self.memory, self.at, kind, os.getpid(), os.getppid(), begun, 0, 0, 0, 0)

    @property
    def kind(self) -> int:
        """As in `begin`; 0 where nobody has claimed the lane."""
        return int(self._header[0])

    @property
    def pid(self) -> int:
        """Of the process that writes here."""
        return int(self._header[1])

    @property
    def parent_pid(self) -> int:
        """Of the process that started it."""
        return int(self._header[2])

    @property
    def _header(self) -> tuple[float, ...]:
        return _HEADER.unpack_from(self.memory, self.at)

    def tell(self, **fact: Any) -> None:
        """Adds a fact, a JSON object; what does not fit any more is left out."""
        text = json.dumps(fact).encode() + b"\n"
        (length,) = _TEXT_LENGTH.unpack_from(self.memory, self.at + _TEXT_LENGTH_AT)
        if length + len(text) > _TEXT_BYTES:
            return
        start = self.at + _TEXT_AT + int(length)
        self.memory[start : start + len(text)] = text
        _TEXT_LENGTH.pack_into(self.memory, self.at + _TEXT_LENGTH_AT, length + len(text))

    def facts(self) -> list[dict[str, Any]]:
        """All that was told."""
        (length,) = _TEXT_LENGTH.unpack_from(self.memory, self.at + _TEXT_LENGTH_AT)
        start = self.at + _TEXT_AT
        text = self.memory[start : start + min(max(int(length), 0), _TEXT_BYTES)]
        return [json.loads(line) for line in text.splitlines()]


class Channel:
    """The lanes of one profiled run.

    Args:
        descriptor: Of the file; the channel closes it.
        path: By which other processes of this machine can open it.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self.path = path
        self._memory = mmap.mmap(descriptor, _LANES * LANE_BYTES)

    @classmethod
    def create(cls) -> Channel:
        """A new one.

        Raises:
            StorageError: The system gives no memory for it.
        """
        try:
            if sys.platform == "linux":
                descriptor = os.memfd_create("fastdata-profile")
                path = f"/proc/{os.getpid()}/fd/{descriptor}"
            else:
                descriptor, path = tempfile.mkstemp(prefix="fastdata-profile-")
            os.ftruncate(descriptor, _LANES * LANE_BYTES)
        except OSError as error:
            raise StorageError(
                f"no memory for the profile's records: {error.strerror}; free some", error.errno
            ) from error
        return cls(descriptor, path)

    @classmethod
    def open(cls, path: str) -> Channel:
        """Another process's.

        Raises:
            OSError: It is not there any more.
        """
        return cls(os.open(path, os.O_RDWR | os.O_CLOEXEC), path)

    def claim(self, kind: int, begun: float) -> Lane | None:
        """The first free lane, or None when there is none."""
        # Unix has locks between processes; where there are none, spawned workers stay unseen.
        import fcntl

        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1)
        try:
            for number in range(_LANES):
                lane = Lane(self._memory, number)
                if not lane.kind:
                    lane.begin(kind, begun)
                    return lane
            return None
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1)

    def lanes(self) -> list[Lane]:
        """All that were claimed."""
        found = [Lane(self._memory, number) for number in range(_LANES)]
        return [lane for lane in found if lane.kind]

    def close(self) -> None:
        """Lets go of the memory."""
        self._memory.close()
        os.close(self._descriptor)
        if not self.path.startswith("/proc/") and os.path.exists(self.path):
            os.unlink(self.path)

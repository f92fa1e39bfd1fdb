"""Memory that a profiled run and its watcher share, of which nothing is left whatever ends.

It is an anonymous file (``memfd``) in lanes: each process or thread that measures writes its own.
Forked children inherit it, others open it by ``/proc``; the kernel frees it with the last process
that holds it, killed or not. What was written is there for the watcher even then. Lanes that are
not used take no memory.
"""

from __future__ import annotations

import itertools
import json
import mmap
import os
import struct
import sys
import tempfile
import weakref
import zlib
from typing import Any

from fastdata.errors import StorageError

__all__ = ["LANE_BYTES", "Channel", "Lane"]

_LANES = 512
LANE_BYTES = 1 << 20
_TEXT_AT = 4096
_TEXT_BYTES = 128 * 1024 - _TEXT_AT
RINGS_AT = _TEXT_AT + _TEXT_BYTES
_HEADER = struct.Struct("<8d")
_CLAIM = struct.Struct("<4d")
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

    def begin(self, kind: int, key: str) -> None:
        """Claims the lane for this process; see `Channel.claim`."""
        start = kind, os.getpid(), os.getppid(), zlib.crc32(key.encode())
        _CLAIM.pack_into(self.memory, self.at, *start)

    def follows(self, kind: int, key: str) -> bool:
        """Whether what wrote here was of this kind and key, and is gone."""
        if not key or (self.kind, self._header[3]) != (kind, zlib.crc32(key.encode())):
            return False
        return self.pid == os.getpid() or not os.path.exists(f"/proc/{self.pid}")

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
        self._end = weakref.finalize(self, _end, descriptor, path)

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

    def claim(self, kind: int, key: str = "") -> Lane | None:
        """A lane to write to, or None when there is none.

        Args:
            kind: What writes there, from 1.
            key: Of what does so again and again in new processes, as workers of each epoch do: it
                gets the lane of one that is gone, with what that wrote.
        """
        # Unix has locks between processes; where there are none, spawned workers stay unseen.
        import fcntl

        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1)
        try:
            for number in range(_LANES):
                lane = Lane(self._memory, number)
                if not lane.kind or lane.follows(kind, key):
                    lane.begin(kind, key)
                    return lane
            return None
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1)

    def lanes(self) -> list[Lane]:
        """All that were claimed."""
        every = (Lane(self._memory, number) for number in range(_LANES))
        return list(itertools.takewhile(lambda lane: lane.kind, every))

    def close(self) -> None:
        """Lets go of the memory."""
        self._memory.close()
        self._end()


def _end(descriptor: int, path: str) -> None:
    os.close(descriptor)
    if not path.startswith("/proc/") and os.path.exists(path):
        os.unlink(path)

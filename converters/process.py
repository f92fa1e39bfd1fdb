"""One worker process as the pool sees it: what it was asked, and whether it is late.

Workers are plain subprocesses: neither forked (the caller may run threads) nor spawned by
`multiprocessing` (which would run the caller's unguarded main script again).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from fastdata.converters.source import Item
from fastdata.converters.worker import Job
from fastdata.errors import FastDataError

__all__ = ["WorkerProcess"]

# Items sent ahead to one worker, so that it never waits for the parent.
_AHEAD_ITEMS = 8
# Bytes sent ahead; far below a socket's buffer, so that sending does not block.
_AHEAD_BYTES = 32 << 10
# Starting takes 0.3 s here; a loaded machine with a cold disk may need much more.
_START_SECONDS = 120.0
_CODE = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[3]); "
    "from fastdata.converters.worker import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)
# The processes are the parallelism; threads inside them would only fight over the cores.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class WorkerProcess:
    """A running worker; `asked` holds (index, bytes) of what it has not answered yet."""

    def __init__(self, job: Job, item_timeout: float) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            _limit_waits(ours, item_timeout)
            self._process = _start(theirs.fileno())
            self._connection: Connection = Connection(ours.detach())
        self._item_timeout = item_timeout
        self._since = time.monotonic()
        self.asked: deque[tuple[int, int]] = deque()
        self.ready = False
        self.set_job(job)

    def fileno(self) -> int:
        """The socket, for a selector."""
        return self._connection.fileno()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def room(self, nbytes: int = 0) -> bool:
        """Whether one more item of so many bytes may be sent.

        An idle worker is reading, so it takes any size. To a busy one, only as much is sent ahead
        as its socket holds: it may itself be waiting for us to read a large answer.
        """
        if not self.asked:
            return True
        waiting = sum(size for _, size in self.asked)
        return len(self.asked) < _AHEAD_ITEMS and waiting + nbytes < _AHEAD_BYTES

    @property
    def deadline(self) -> float:
        """Monotonic second by which the next answer must come."""
        if not self.ready:
            return self._since + _START_SECONDS
        return self._since + self._item_timeout if self.asked else float("inf")

    def set_job(self, job: Job) -> None:
        """Tells the worker what to do with the items that follow."""
        self._send(ForkingPickler.dumps(("job", job)))

    @staticmethod
    def question(index: int, item: Item) -> bytes:
        """An item as it is sent."""
        return bytes(ForkingPickler.dumps((index, item)))

    def ask(self, index: int, message: bytes) -> None:
        """Sends one item, as a `question`."""
        if not self.asked:
            self._since = time.monotonic()
        self.asked.append((index, len(message)))
        self._send(message)

    def answer(self) -> tuple[int, tuple[int, Any, FastDataError | None]]:
        """Receives (bytes received, (index, value, error)); index -1 says: ready.

        Raises:
            EOFError: The process ended.
            OSError: It ended, or stopped in the middle of an answer.
        """
        message = self._connection.recv_bytes()
        result: tuple[int, Any, FastDataError | None] = ForkingPickler.loads(message)
        self._since = time.monotonic()
        if result[0] < 0:
            self.ready = True
        else:
            self.asked.popleft()
        return len(message), result

    def end(self) -> int:
        """Kills the process if it still runs; returns its exit status, -N for signal N."""
        self._process.kill()
        self._connection.close()
        return self._process.wait()

    def _send(self, message: Any) -> None:
        try:
            self._connection.send_bytes(message)
        except OSError:
            # It is gone or stopped. Its unread answers and the end of the stream are found, in
            # that order, by the next `answer`; silence is found by the deadline.
            return


def _start(descriptor: int) -> subprocess.Popen[bytes]:
    path = json.dumps([os.path.abspath(entry) for entry in sys.path])
    # Ctrl-C reaches the whole terminal; blocked here, it is blocked in the child from its start.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(
            [sys.executable, "-c", _CODE, str(descriptor), str(os.getpid()), path],
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=os.environ | _ONE_THREAD,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _limit_waits(end: socket.socket, seconds: float) -> None:
    """A worker stopped half-way through a message must not hold its parent for ever."""
    whole = int(seconds)
    value = struct.pack("ll", whole, max(1000, int((seconds - whole) * 1e6)))
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)

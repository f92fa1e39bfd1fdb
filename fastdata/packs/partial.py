"""The folder NAME.partial in which a pack is built, and the lock that keeps a second writer out."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import weakref
from pathlib import Path

from fastdata.errors import PackBusy, StorageError

__all__ = ["JOURNAL", "OLD", "Partial", "storage_error"]

LOCK = "lock"
JOURNAL = "journal"
OLD = "old"
_held: weakref.WeakSet[Partial] = weakref.WeakSet()


def storage_error(error: OSError, doing: str, path: Path) -> StorageError:
    """The error for a refused system call while writing a pack, with what to do about it."""
    words = f"{doing}: {error.strerror or error}"
    with contextlib.suppress(OSError):
        parent = next(p for p in (path, *path.parents) if p.exists())
        words += f" ({shutil.disk_usage(parent).free / 1e6:.1f} MB free at {parent})"
    return StorageError(
        f"{words}; make room or choose another disk, then go on with --resume (in Python: "
        f"resume=True)",
        error.errno,
    )


class Partial:
    """A locked NAME.partial folder, held until `release` or `remove`.

    The lock is the kernel's (flock), so it is free the moment its holder dies, however it dies.

    Args:
        path: The folder; made when absent.

    Raises:
        PackBusy: Another process, or another writer of this one, holds it.
        StorageError: It cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = -1
        try:
            while self.descriptor < 0:
                path.mkdir(parents=True, exist_ok=True)
                self.descriptor = self._take()
            self._sign()
        except OSError as error:
            self.release()
            if isinstance(error, StorageError):
                raise
            raise storage_error(error, f"cannot make {path}", path) from error
        _held.add(self)

    def file(self, name: str) -> Path:
        """A path inside the folder."""
        return self.path / name

    def clear(self) -> None:
        """Delete everything but the lock; the journal last, so that a killed `remove` is known."""
        for entry in sorted(self.path.iterdir(), key=lambda entry: entry.name == JOURNAL):
            if entry.name == LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def release(self) -> None:
        """Unlock, and leave the folder for a resume."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def remove(self) -> None:
        """Delete the folder and unlock."""
        self.clear()
        self.file(LOCK).unlink()
        self.path.rmdir()
        self.release()

    def _take(self) -> int:
        """A descriptor that holds the lock, or -1 when the folder was removed meanwhile."""
        lock = self.file(LOCK)
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            return -1
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.stat(lock), os.fstat(descriptor)):
                return descriptor
        except FileNotFoundError:
            pass
        except BlockingIOError as error:
            holder = self._holder(descriptor)
            os.close(descriptor)
            raise PackBusy(
                f"{self.path} is being written by {holder}; wait for it, or choose another name",
                error.errno,
            ) from error
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return -1

    def _sign(self) -> None:
        os.ftruncate(self.descriptor, 0)
        text = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
        os.pwrite(self.descriptor, text.encode(), 0)

    def _holder(self, descriptor: int) -> str:
        try:
            entry = json.loads(os.pread(descriptor, 4096, 0))
            return f"process {entry['pid']} on {entry['host']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"


def _let_go_in_child() -> None:
    """A forked worker must not keep its parent's lock alive after the parent has died."""
    for partial in list(_held):
        partial.release()


os.register_at_fork(after_in_child=_let_go_in_child)

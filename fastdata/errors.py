"""Everything fastdata raises on purpose.

    FastDataError
    ├── UsageError          an argument or option is wrong                       exit 2
    ├── InputError          a source sample cannot be used                       exit 3
    │   ├── LabelError      a label, table row or mask does not fit its sample
    │   └── UnsafeFile      a path leaves its root, or is no regular file
    ├── PackError           a pack cannot be trusted                             exit 4
    │   ├── PackIncomplete  its writer has not finished
    │   ├── PackCorrupt     bytes differ from what was written
    │   └── PackVersion     another format, or another version of it
    ├── CheckpointError     a checkpoint cannot be trusted                       exit 4
    ├── NonFiniteLoss       training met a loss that is no finite number         exit 3
    ├── StorageError        the disk said no (full, read-only, EIO)              exit 5
    │   └── PackBusy        another process is writing the same pack
    └── WorkerError         a worker process or thread was lost                  exit 6
        ├── WorkerDied
        ├── WorkerTimeout
        └── SharedMemoryFull

Every message says what was found, what was expected and what to do, and names the file, key or row.
All of them survive pickling, so that one raised in a worker arrives whole.
"""

from __future__ import annotations

__all__ = [
    "CheckpointError",
    "FastDataError",
    "InputError",
    "LabelError",
    "NonFiniteLoss",
    "PackBusy",
    "PackCorrupt",
    "PackError",
    "PackIncomplete",
    "PackVersion",
    "SharedMemoryFull",
    "StorageError",
    "UnsafeFile",
    "UsageError",
    "WorkerDied",
    "WorkerError",
    "WorkerTimeout",
]


class FastDataError(Exception):
    """Base of all errors that fastdata raises on purpose."""

    exit_code = 1


class UsageError(FastDataError, ValueError):
    """An argument, option or combination of them cannot work."""

    exit_code = 2


class InputError(FastDataError, ValueError):
    """A source sample cannot be read, decoded or stored."""

    exit_code = 3


class LabelError(InputError):
    """A label, table row or mask does not fit the sample it belongs to."""


class UnsafeFile(InputError):
    """A listed path leaves its root folder, or names something that is no regular file."""


class PackError(FastDataError):
    """A pack cannot be opened or trusted."""

    exit_code = 4


class PackIncomplete(PackError):
    """The pack's writer was interrupted before the pack was published."""


class PackCorrupt(PackError, ValueError):
    """Stored bytes differ from those that were written."""


class PackVersion(PackError, ValueError):
    """The file has another format, or a version of the format that this fastdata does not read."""


class CheckpointError(FastDataError, ValueError):
    """A checkpoint is damaged, of another run, or holds more than plain data."""

    exit_code = 4


class NonFiniteLoss(FastDataError, ArithmeticError):
    """A loss or gradient is not a finite number."""

    exit_code = 3


class StorageError(FastDataError, OSError):
    """The operating system refused a read, write or sync.

    Args:
        message: What happened, to which file, and what to do.
        errno: The system's error number, or None when no system call failed.
    """

    exit_code = 5

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.errno = errno

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[type[StorageError], tuple[str, int | None]]:
        return type(self), (self.message, self.errno)


class PackBusy(StorageError):
    """Another process is writing the same pack."""


class WorkerError(FastDataError, RuntimeError):
    """A worker process or thread was lost, or could not be started."""

    exit_code = 6


class WorkerDied(WorkerError):
    """A worker process ended by a signal or an exit of its own."""


class WorkerTimeout(WorkerError, TimeoutError):
    """A worker gave no answer within its time."""


class SharedMemoryFull(WorkerError):
    """/dev/shm, or the memory asked for in its place, is too small."""

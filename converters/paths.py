"""Reads source files without leaving the source folder, hanging on a fifo or trusting a link.

A path may come from a list that somebody else wrote. Whatever it says, only a regular file is read,
and only one under the root, unless the caller allowed otherwise. File names are bytes in any
encoding; they travel as text with surrogate escapes, as Python's own functions return them.
"""

from __future__ import annotations

import os
import stat

from fastdata.errors import InputError, UnsafeFile

__all__ = ["display", "read_under", "require_inside"]

# An encoded image of more bytes is a mistake; it also bounds a worker's memory.
_MAX_FILE_BYTES = 1 << 30
_NONBLOCK = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)


def display(name: str | os.PathLike[str]) -> str:
    """A file name for a message: one line, valid UTF-8, whatever bytes it was made of."""
    text = os.fspath(name)
    try:
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        # A surrogate that stands for no byte, out of a JSON escape.
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def require_inside(root: str, real: str, name: str) -> None:
    """Refuses a real path that is neither `root`, a real path itself, nor below it.

    Raises:
        UnsafeFile: It lies elsewhere; the message calls it `name`.
    """
    if os.path.commonpath((root, real)) != root:
        raise UnsafeFile(
            f"{display(name)}: leads to {display(real)}, outside the source folder "
            f"{display(root)}; move it there, or allow it with allow_outside (--allow-outside)"
        )


def read_under(root: str, relative: str, *, allow_outside: bool = False) -> bytes:
    """The bytes of a regular file under `root`, after all links are followed.

    Args:
        root: A real path (`os.path.realpath`).
        relative: Path below the root, or an absolute one.
        allow_outside: Accept a file anywhere.

    Raises:
        UnsafeFile: It lies elsewhere, is a folder, fifo, socket or device, or cannot be a path.
        InputError: It is missing, unreadable, too large, or changed while it was read.
    """
    if "\0" in relative:
        raise UnsafeFile(f"{display(relative)}: a path cannot contain a zero byte; mend the list")
    try:
        real = os.path.realpath(os.path.join(root, relative), strict=True)
        if not allow_outside:
            require_inside(root, real, relative)
        expected = os.lstat(real)
        # Asked before opening, because opening alone sets off some devices.
        _require_regular(relative, expected)
        handle = os.open(real, os.O_RDONLY | _NONBLOCK)
        try:
            return _read(handle, relative, expected)
        finally:
            os.close(handle)
    except OSError as error:
        raise _unreadable(relative, error) from error


def _read(handle: int, relative: str, expected: os.stat_result) -> bytes:
    found = os.fstat(handle)
    _require_regular(relative, found)
    if not os.path.samestat(found, expected):
        raise UnsafeFile(f"{display(relative)}: was swapped while it was opened; convert again")
    if found.st_size > _MAX_FILE_BYTES:
        raise InputError(
            f"{display(relative)}: {found.st_size} bytes; an image file may have {_MAX_FILE_BYTES}"
        )
    parts = []
    left = found.st_size + 1
    while left > 0 and (part := os.read(handle, left)):
        parts.append(part)
        left -= len(part)
    after = os.fstat(handle)
    if left != 1 or (after.st_size, after.st_mtime_ns) != (found.st_size, found.st_mtime_ns):
        raise InputError(f"{display(relative)}: changed while it was read; convert again")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _require_regular(relative: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kinds = {
            stat.S_IFDIR: "folder",
            stat.S_IFIFO: "fifo",
            stat.S_IFSOCK: "socket",
            stat.S_IFCHR: "device",
            stat.S_IFBLK: "device",
        }
        kind = kinds.get(stat.S_IFMT(found.st_mode), "special file")
        raise UnsafeFile(f"{display(relative)}: is a {kind}; expected a regular file")


def _unreadable(relative: str, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(
        f"{display(relative)}: cannot be read ({reason}); check that it is there and readable"
    )

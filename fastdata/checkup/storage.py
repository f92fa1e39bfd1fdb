"""How fast a path is read, from the disk and from memory, and which of the two was measured."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fastdata.checkup.finding import Finding

__all__ = ["Reads", "reading", "storage"]

NAME = "read rate"
# Nothing is wrong with the disk, but there was nothing to read and no way to write it.
UNTRIED = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EINVAL,
    errno.ENOENT,
)

BLOCK_BYTES = 1 << 20
MOST_BYTES = 256 << 20
MADE_BYTES = 128 << 20
# A pass over fewer bytes measures the opening of files.
LEAST_BYTES = 8 << 20
MOST_FILES = 2000
# What may still come from memory in a pass that counts as one from the disk.
FROM_DISK_SHARE = 0.9
# A photo of 100 kB each: below it one core decodes faster than the disk delivers.
SLOW_BYTES_PER_SECOND = 150e6


@dataclass(frozen=True, kw_only=True)
class Reads:
    """Two passes over the same bytes, the first after the system was asked to forget them.

    Attributes:
        size_bytes: Bytes of one pass.
        first_seconds: Time of the first pass.
        again_seconds: Time of the second one, which finds them in the page cache.
        disk_bytes: Bytes that the kernel fetched from a device in the first pass, or None where it
            does not count them.
        made: Whether they are of a file that was written for this and removed.
    """

    size_bytes: int
    first_seconds: float
    again_seconds: float
    disk_bytes: int | None
    made: bool


def storage(path: Path) -> Finding:
    """The read rate of a file, of the files in a folder, or of one written there for it.

    Args:
        path: A file, such as a pack, or a folder.
    """
    try:
        return _finding(reading(path))
    except OSError as error:
        reason = f"{path}: {error.strerror or error}"
        if error.errno in UNTRIED:
            remedy = "give a pack, or a folder with at least 8 MiB of data"
            return Finding(NAME, "warn", f"not measured: {reason}", remedy)
        return Finding(NAME, "fail", reason, "look at the disk and the system's log")


def reading(path: Path) -> Reads:
    """Reads the bytes of a path twice, in blocks of 1 MiB, one after the other.

    At most 256 MiB are read; a folder with less than 8 MiB gets a file of 128 MiB for the time.
    What a device or the host of a virtual machine remembers counts as the disk.

    Raises:
        OSError: The path cannot be read, or nothing can be written to it.
    """
    with _files(path) as (files, made):
        for file in files:
            _forget(file)
        before = _disk_bytes()
        first_seconds, size = _pass(files)
        after = _disk_bytes()
        again_seconds, _ = _pass(files)
    return Reads(
        size_bytes=size,
        first_seconds=first_seconds,
        again_seconds=again_seconds,
        disk_bytes=None if before is None or after is None else after - before,
        made=made,
    )


def _finding(reads: Reads) -> Finding:
    rate = reads.size_bytes / max(reads.first_seconds, 1e-9)
    cached = reads.size_bytes / max(reads.again_seconds, 1e-9)
    amount = f"{reads.size_bytes / 2**20:.0f} MiB{' of a made file' if reads.made else ''}"
    again = f"{cached / 1e6:,.0f} MB/s from the page cache"
    if reads.disk_bytes is None:
        found = f"{rate / 1e6:,.0f} MB/s, then {again} ({amount}; whether the disk was read is not "
        return Finding(NAME, "ok", f"{found}counted here)")
    share = reads.disk_bytes / reads.size_bytes
    if share < FROM_DISK_SHARE:
        found = (
            f"{again}; no rate of the disk: only {max(0.0, share):.0%} of the {amount} came from it"
        )
        return Finding(NAME, "ok", found)
    found = f"{rate / 1e6:,.0f} MB/s from the disk, {again} ({amount}, one reader)"
    if rate < SLOW_BYTES_PER_SECOND:
        remedy = "keep the pack on a faster disk, or small enough for the page cache"
        return Finding(NAME, "warn", found, remedy)
    return Finding(NAME, "ok", found)


@contextlib.contextmanager
def _files(path: Path) -> Iterator[tuple[list[Path], bool]]:
    """Files to read, and whether they were made for it."""
    if not path.is_dir() and not path.is_file():
        raise OSError(errno.EINVAL, "neither a file nor a folder")  # reading a pipe would wait
    files = [path] if not path.is_dir() else _largest(path)
    if not path.is_dir() or sum(file.stat().st_size for file in files) >= LEAST_BYTES:
        yield files, False
        return
    with tempfile.NamedTemporaryFile(dir=path, prefix="fastdata-doctor-") as made:
        block = os.urandom(BLOCK_BYTES)
        for _ in range(MADE_BYTES // BLOCK_BYTES):
            made.write(block)
        made.flush()
        os.fsync(made.fileno())  # pages that wait to be written cannot be forgotten
        yield [Path(made.name)], True


def _largest(folder: Path) -> list[Path]:
    """The largest regular files in a folder, up to the bytes that are read."""
    sizes: list[tuple[int, Path]] = []
    for root, _, names in os.walk(folder):
        for name in names:
            file = Path(root, name)
            with contextlib.suppress(OSError):
                if file.is_file() and not file.is_symlink():
                    sizes.append((file.stat().st_size, file))
        if len(sizes) >= MOST_FILES:
            break
    chosen, total = [], 0
    for size, file in sorted(sizes, reverse=True):
        if total >= MOST_BYTES:
            break
        if os.access(file, os.R_OK):
            chosen.append(file)
            total += size
    return chosen


def _forget(file: Path) -> None:
    """Asks the kernel to drop a file's pages; those that somebody maps or writes stay."""
    with open(file, "rb") as stream:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _pass(files: list[Path]) -> tuple[float, int]:
    """Seconds and bytes of reading the files, up to the most that is read."""
    start, size = time.perf_counter(), 0
    block = bytearray(BLOCK_BYTES)
    for file in files:
        with open(file, "rb", buffering=0) as stream:
            while size < MOST_BYTES and (count := stream.readinto(block)):
                size += count
    return time.perf_counter() - start, size


def _disk_bytes() -> int | None:
    """Bytes that the kernel has fetched from devices for this process; None where not counted."""
    try:
        lines = Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
        return int(dict(line.split(": ") for line in lines)["read_bytes"])
    except (OSError, ValueError, KeyError):
        return None

"""One read-only memory map of a whole file, opened so that no special file can block."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.codecs import looks_like
from fastdata.errors import PackCorrupt, PackVersion, StorageError
from fastdata.packs.arrayspec import ArraySpec
from fastdata.packs.base import Bytes
from fastdata.packs.checksum import crc_of_file, read_slices

__all__ = ["DataFile", "open_regular", "read_whole"]

# Without O_NONBLOCK, opening a fifo would wait for a writer for ever.
LMDB_MAGIC = b"\xde\xc0\xef\xbe"
OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def open_regular(path: str, shown: Path, folder: int | None = None) -> int:
    """A descriptor of a regular file, relative to the folder descriptor `folder` if given.

    Raises:
        PackVersion: It is no regular file.
        StorageError: The system refused.
        FileNotFoundError: There is none.
    """
    try:
        descriptor = os.open(path, OPEN_FLAGS, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(
            f"cannot open {shown}: {error.strerror}; check its permissions and the disk",
            error.errno,
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise PackVersion(f"{shown} is no regular file; expected a pack made by fastdata")
    return descriptor


def read_whole(descriptor: int, limit: int, shown: Path) -> bytes:
    """All bytes of a small file.

    Raises:
        PackCorrupt: It is larger than `limit` bytes.
        StorageError: The system refused.
    """
    size = os.fstat(descriptor).st_size
    if size > limit:
        raise PackCorrupt(f"{shown} has {size} bytes; expected at most {limit}; convert again")
    try:
        return b"".join(read_slices(descriptor, 0, size))
    except EOFError as error:
        raise PackCorrupt(f"{shown} shrank while it was read ({error})") from error
    except OSError as error:
        raise StorageError(f"cannot read {shown}: {error.strerror}", error.errno) from error


class DataFile:
    """A file of known size, first read through its descriptor, then mapped.

    The map outlives the file's name, so a pack that is replaced stays readable to who has it open.
    Forked children share it. Nothing is mapped before `map` is called.

    Args:
        descriptor: An open file, owned by this object from now on.
        shown: Its name in messages.
    """

    def __init__(self, descriptor: int, shown: Path) -> None:
        self.descriptor = descriptor
        self.shown = shown
        self.nbytes = os.fstat(descriptor).st_size
        self.bytes: Bytes = np.empty(0, np.uint8)
        self.memory = memoryview(b"")

    def head(self, count: int) -> bytes:
        """The first `count` bytes, fewer when the file is shorter."""
        return self.read(0, min(count, self.nbytes))

    def read(self, start: int, stop: int) -> bytes:
        """Bytes start..stop through the descriptor."""
        return b"".join(self._guard(read_slices(self.descriptor, start, stop)))

    def crc(self, start: int, stop: int) -> int:
        """CRC32C of bytes start..stop, read through the descriptor in slices."""
        try:
            return crc_of_file(self.descriptor, start, stop)
        except (OSError, EOFError) as error:
            raise self._refused(error) from error

    def map(self) -> None:
        """Map the whole file read-only and let go of the descriptor."""
        if self.nbytes:
            mapped = mmap.mmap(self.descriptor, self.nbytes, prot=mmap.PROT_READ)
            self.memory = memoryview(mapped)
            self.bytes = np.frombuffer(mapped, np.uint8)
        self.close()

    def array(self, spec: ArraySpec, offset: int) -> NDArray[Any]:
        """A view of an array in the map; a copy if it lies unaligned, as small ones may."""
        view = self.bytes[offset : offset + spec.nbytes].view(spec.dtype).reshape(spec.shape)
        if not view.flags.aligned:
            view = view.copy()
            view.flags.writeable = False
        return view

    def check_array(self, name: str, spec: ArraySpec, offset: int) -> None:
        """Compare an array's place and checksum with its spec, before mapping.

        Raises:
            PackCorrupt: It lies outside the file, or its bytes differ.
        """
        found = self.crc(offset, offset + spec.nbytes)
        if found != spec.crc32c:
            raise PackCorrupt(
                f"{name} of {self.shown} has CRC32C {found:#010x}, the manifest says "
                f"{spec.crc32c:#010x}; restore it from a copy or convert again"
            )

    def describe(self) -> str:
        """What the file looks like."""
        head = self.head(512)
        return "an LMDB data file" if head[16:20] == LMDB_MAGIC else looks_like(head)

    def close(self) -> None:
        """Close the descriptor; the map, if there is one, stays."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _guard(self, pieces: Any) -> list[bytes]:
        try:
            return list(pieces)
        except (OSError, EOFError) as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError | EOFError) -> Exception:
        if isinstance(error, EOFError):
            return PackCorrupt(f"{self.shown} is cut short: {error}; restore it or convert again")
        return StorageError(
            f"cannot read {self.shown}: {error.strerror}; check the disk", error.errno
        )

"""Which pages of a file lie in the page cache, looked at just before they are read.

A read that must not wait (``RWF_NOWAIT``) gives a byte of a page that is there, and fails for one
that is not; it takes no rights beyond those of reading the file. It may start the reading of that
page, which was about to be read anyhow.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastdata.timing import Clock

__all__ = ["Residency", "cached_pages"]

# One look takes 20 us, and up to 500 where batches have driven its code out of the caches.
_EVERY_SECONDS = 0.25
_MOST_PAGES = 16


def cached_pages(descriptor: int, offsets: Sequence[int]) -> tuple[int, int]:
    """How many of the pages at these offsets could be looked at, and how many were cached."""
    seen = cached = 0
    for offset in offsets:
        try:
            cached += os.preadv(descriptor, [bytearray(1)], offset, os.RWF_NOWAIT) > 0
        except BlockingIOError:
            pass
        except (OSError, AttributeError):
            # A file system or a system that knows no such read.
            continue
        seen += 1
    return seen, cached


class Residency:
    """Looks at some of what is read, now and then.

    Args:
        clock: The wall clock.
    """

    def __init__(self, *, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._due = 0.0
        self._mappings: list[tuple[int, int, int, int]] = []

    def __del__(self) -> None:
        for *_, descriptor in self._mappings:
            os.close(descriptor)

    @property
    def is_due(self) -> bool:
        """Whether it is time to look again."""
        return self._clock() >= self._due

    def look_at_file(self, descriptor: int) -> dict[str, float]:
        """Looks at the pages of an open file, evenly; gives counts as `worklane.COUNTERS` has."""
        last = os.fstat(descriptor).st_size - 1
        return self._look({descriptor: [last * part // 3 for part in range(4)] if last > 0 else []})

    def look_at_memory(self, buffers: Sequence[Any]) -> dict[str, float]:
        """Likewise at the files that these buffers are mapped from."""
        chosen = buffers[:: max(1, len(buffers) // _MOST_PAGES)]
        places: dict[int, list[int]] = {}
        for buffer in chosen:
            view = np.frombuffer(buffer, np.uint8)
            for descriptor, offset in self._file_of(view.ctypes.data + len(view) // 2):
                places.setdefault(descriptor, []).append(offset)
        return self._look(places)

    def _look(self, places: dict[int, list[int]]) -> dict[str, float]:
        self._due = self._clock() + _EVERY_SECONDS
        counts = [cached_pages(descriptor, offsets) for descriptor, offsets in places.items()]
        return {
            "pages": sum(seen for seen, _ in counts),
            "cached_pages": sum(cached for _, cached in counts),
        }

    def _file_of(self, address: int) -> list[tuple[int, int]]:
        """Descriptor and offset of what is mapped at an address; nothing where none is."""
        for attempt in (False, True):
            for start, end, offset, descriptor in self._mappings:
                if start <= address < end:
                    return [(descriptor, offset + address - start)]
            if not attempt:
                self._find_mapping(address)
        return []

    def _find_mapping(self, address: int) -> None:
        try:
            # Not by `open`, which is itself a stage while a batch is made.
            with io.FileIO("/proc/self/maps") as maps:
                lines = [line for line in maps.readall().splitlines() if b"/" in line]
            for span, _, offset, _, _, path in (line.split(maxsplit=5) for line in lines):
                start, end = (int(part, 16) for part in span.split(b"-"))
                if start <= address < end:
                    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                    self._mappings.append((start, end, int(offset, 16), descriptor))
                    return
        except (OSError, ValueError):
            return

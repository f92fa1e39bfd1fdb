"""The journal of a pack being built: which bytes of its staging files are safely on disk."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fastdata.packs.checksum import crc_of_bytes
from fastdata.packs.stream import Stream

__all__ = ["Entry", "Journal"]


@dataclass(frozen=True)
class Entry:
    """State of the staging files at one moment, written after they were synced.

    Attributes:
        packed: Samples appended.
        rejected: Source samples left out.
        sizes: Bytes of every staging file.
        series: For window fields, (rows, CRC32C) of the series.
    """

    packed: int = 0
    rejected: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    series: dict[str, tuple[int, int]] = field(default_factory=dict)


class Journal:
    """One checksummed JSON line for what is being built, then one for every moment of safety.

    Args:
        path: The file.

    Attributes:
        header: The first line, or None when there is none that can be trusted.
        last: The newest line that can be trusted.
    """

    def __init__(self, path: Path) -> None:
        self.header: dict[str, Any] | None = None
        self.last = Entry()
        good = self._read(path)
        self._stream = Stream(path, good)

    def begin(self, header: dict[str, Any]) -> None:
        """Start anew with this header, which need not be durable before the first entry."""
        self._stream.close()
        self._stream = Stream(self._stream.path)
        self._stream.append(_line(header))
        self._stream.sync()
        self.header, self.last = header, Entry()

    def add(self, entry: Entry) -> None:
        """Record a state whose files have been synced already.

        Raises:
            OSError: The system refused.
        """
        self._stream.append(_line(asdict(entry)))
        self._stream.sync()
        self.last = entry

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    def _read(self, path: Path) -> int:
        """Take in all lines up to the first bad one; the number of good bytes."""
        good = 0
        if not path.exists():
            return good
        with open(path, "rb") as file:
            for line in file:
                data = _parse(line)
                if data is None or not self._take(data, path.parent):
                    break
                good += len(line)
        return good

    def _take(self, data: dict[str, Any], folder: Path) -> bool:
        if self.header is None:
            self.header = data
            return True
        series = {name: (rows, crc) for name, (rows, crc) in data["series"].items()}
        entry = Entry(data["packed"], data["rejected"], data["sizes"], series)
        for name, size in entry.sizes.items():
            try:
                if os.stat(folder / name).st_size < size:
                    return False
            except FileNotFoundError:
                return False
        self.last = entry
        return True


def _line(data: dict[str, Any]) -> bytes:
    text = json.dumps(data).encode()
    return b"%08x %s\n" % (crc_of_bytes(text), text)


def _parse(line: bytes) -> dict[str, Any] | None:
    crc, _, text = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or b"%08x" % crc_of_bytes(text) != crc:
        return None
    data = json.loads(text)
    return data if isinstance(data, dict) else None

"""Samples on their way into a pack: one append-only file a field, and a journal."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.errors import UsageError
from fastdata.packs.base import Bytes
from fastdata.packs.checksum import crc_of_bytes, extend_crc
from fastdata.packs.encoding import EncodedSample
from fastdata.packs.journal import Entry, Journal
from fastdata.packs.manifest import KEY_FIELD
from fastdata.packs.partial import JOURNAL, Partial
from fastdata.packs.stream import Stream, map_file
from fastdata.schema import Schema

__all__ = ["INDEX", "Staging", "begun_id"]

# An index row of a record: its length and CRC32C, and (height, width) or zeros.
INDEX = np.dtype([("length", "<u4"), ("crc32c", "<u4"), ("size", "<i4", (2,))])
INDEX_ROW = struct.Struct("<IIii")
# A kill costs the work of at most this long, or of this many bytes; syncing more often slows fast
# sources.
JOURNAL_SECONDS = 2.0
JOURNAL_BYTES = 64 << 20
MAX_RECORD_BYTES = (1 << 32) - 1
SERIES_SLICE_BYTES = 1 << 22


class Staging:
    """The staging files of one pack, inside its locked partial folder.

    Args:
        partial: The folder.
        schema: Fields of a sample.
        header: What is being built; a resume needs an equal one, but for the id.
        resume: Go on where the journal ends, instead of starting anew.

    Raises:
        UsageError: A resume of something else.
        OSError: The system refused.
    """

    def __init__(
        self, partial: Partial, schema: Schema, header: dict[str, Any], *, resume: bool
    ) -> None:
        self.partial = partial
        self.schema = schema
        self.journal = Journal(partial.file(JOURNAL))
        if resume and self.journal.header is not None:
            _same(self.journal.header, header, partial)
        else:
            self.journal.close()
            partial.clear()
            self.journal = Journal(partial.file(JOURNAL))
            self.journal.begin(header)
        entry = self.journal.last
        self.packed, self.rejected, self.series = entry.packed, entry.rejected, dict(entry.series)
        self._names = {name: f"field{i}" for i, name in enumerate((*schema, KEY_FIELD))}
        self._streams: dict[str, Stream] = {}
        self._open(entry.sizes)
        self._unsynced_bytes = 0
        self._synced_at = time.monotonic()

    @property
    def id(self) -> str:
        """The id drawn when the first of the interrupted runs began."""
        header = self.journal.header or {}
        return str(header["id"])

    @property
    def position(self) -> int:
        """Source samples, packed and rejected, that a resume will not have to do again."""
        return self.journal.last.packed + self.journal.last.rejected

    def append(self, sample: EncodedSample) -> None:
        """Add one encoded sample."""
        for name, values, index in self._targets:
            encoded = sample.fields[name]
            self._put(values, index, encoded.data, encoded.size)
        key = sample.key.encode("utf-8", "surrogateescape")
        self._put(*self._keys, key, None)
        self.packed += 1
        self._journal_if_due()

    def reject(self, key: str, reason: str) -> None:
        """Note a source sample that is left out."""
        self._streams["rejects"].append(json.dumps([key, reason]).encode() + b"\n")
        self.rejected += 1
        self._journal_if_due()

    def put_series(self, name: str, array: NDArray[Any]) -> None:
        """Write the series that a window field's samples are parts of, in slices.

        Raises:
            UsageError: A resume with another series.
        """
        dtype = self.schema[name].item_dtype
        stream = Stream(self.partial.file(self._names[name] + ".series"))
        crc = 0
        for piece in _slices(array, dtype):
            crc = extend_crc(crc, piece)
            stream.append(piece)
        stream.sync()
        stream.close()
        if name in self.series and self.series[name] != (len(array), crc):
            raise UsageError(
                f"the series of {name!r} differs from the one that {self.partial.path} was begun "
                f"with; "
                "run without --resume"
            )
        self.series[name] = (len(array), crc)

    def checkpoint(self) -> None:
        """Make everything so far safe: sync the files, then write one line that says so."""
        entry = self.journal.last
        if (self.packed, self.rejected, self.series) != (
            entry.packed,
            entry.rejected,
            entry.series,
        ):
            for stream in self._streams.values():
                stream.sync()
            sizes = {stream.path.name: stream.nbytes for stream in self._streams.values()}
            self.journal.add(Entry(self.packed, self.rejected, sizes, dict(self.series)))
        self._unsynced_bytes, self._synced_at = 0, time.monotonic()

    def data(self, name: str) -> Bytes:
        """All staged bytes of a field, mapped; call after `checkpoint`."""
        return map_file(self.partial.file(self._names[name]))

    def index(self, name: str) -> NDArray[Any]:
        """Lengths, checksums and sizes of a field's records, (N,) of `INDEX`."""
        return map_file(self.partial.file(self._names[name] + ".index")).view(INDEX)

    def series_bytes(self, name: str) -> Bytes:
        """All bytes of a series, mapped."""
        return map_file(self.partial.file(self._names[name] + ".series"))

    def rejects(self) -> tuple[tuple[str, str], ...]:
        """(key, reason) of all rejected samples."""
        with open(self._streams["rejects"].path, encoding="utf-8") as file:
            return tuple((key, reason) for key, reason in map(json.loads, file))

    def close(self) -> None:
        """Let go of the files."""
        for stream in self._streams.values():
            stream.close()
        self.journal.close()

    def _open(self, sizes: Mapping[str, int]) -> None:
        names = ["rejects", *self._names.values(), self._names[KEY_FIELD] + ".index"]
        names += [
            f"{self._names[name]}.index"
            for name, field in self.schema.items()
            if field.storage == "records"
        ]
        for name in names:
            self._streams[name] = Stream(self.partial.file(name), sizes.get(name, 0))
        streams = {
            name: (self._streams[file], self._streams.get(file + ".index"))
            for name, file in self._names.items()
        }
        self._keys = streams[KEY_FIELD]
        self._targets = [(name, *streams[name]) for name in self.schema]

    def _put(
        self, values: Stream, index: Stream | None, data: bytes, size: tuple[int, int] | None
    ) -> None:
        values.append(data)
        self._unsynced_bytes += len(data)
        if index is None:
            return
        if len(data) > MAX_RECORD_BYTES:
            raise UsageError(
                f"a record of {len(data)} bytes; at most {MAX_RECORD_BYTES} are possible"
            )
        height, width = size or (0, 0)
        row = INDEX_ROW.pack(len(data), crc_of_bytes(data), height, width)
        index.append(row)

    def _journal_if_due(self) -> None:
        if (
            time.monotonic() - self._synced_at >= JOURNAL_SECONDS
            or self._unsynced_bytes >= JOURNAL_BYTES
        ):
            self.checkpoint()


def _slices(array: NDArray[Any], dtype: np.dtype[Any]) -> Iterator[Bytes]:
    """The series' bytes in the stored type, in slices: it may be larger than memory."""
    rows = max(1, SERIES_SLICE_BYTES // max(1, dtype.itemsize * array.shape[1]))
    for start in range(0, len(array), rows):
        piece = np.ascontiguousarray(array[start : start + rows], dtype)
        yield piece.reshape(-1).view(np.uint8)


def begun_id(partial: Partial) -> str | None:
    """The id of the pack that was begun in this folder, or None."""
    if not partial.file(JOURNAL).exists():
        return None
    journal = Journal(partial.file(JOURNAL))
    journal.close()
    return str(journal.header["id"]) if journal.header else None


def _same(found: dict[str, Any], wanted: dict[str, Any], partial: Partial) -> None:
    # Through JSON, because the header found has been through it and tuples come back as lists.
    wanted = json.loads(json.dumps(wanted))
    differing = [key for key in wanted if key != "id" and found.get(key) != wanted[key]]
    if differing:
        shown = (f"{key} ({_change(found.get(key), wanted[key])})" for key in differing)
        raise UsageError(
            f"{partial.path} was begun with another {' and '.join(shown)}; repeat the command that "
            "began it on what it began with, or run without --resume to start anew"
        )


def _change(before: Any, now: Any) -> str:
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return f"then {before or 'none'}, now {now or 'none'}"
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return ", ".join(names)

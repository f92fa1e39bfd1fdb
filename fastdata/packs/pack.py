"""The pack as a map-style dataset: one memory map, arithmetic, and no database on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastdata.errors import FastDataError, UsageError
from fastdata.packs.base import Indices, PackInfo, RowSource, VerifyReport
from fastdata.packs.decoding import decode_record, decode_rows
from fastdata.packs.fields import Column, Records, Rows, Windows, as_indices
from fastdata.packs.manifest import KEY_FIELD
from fastdata.packs.opened import Opened, Reader
from fastdata.packs.passes import Progress
from fastdata.packs.verify import verify_pack
from fastdata.packs.views import MappedPack, PackView, select
from fastdata.sampletype import record_type
from fastdata.schema import Schema

__all__ = ["Pack", "Verify"]

Verify = Literal["first", "always"]


class Pack:
    """An immutable, open pack; `open_pack` makes it.

    It is safe across threads, survives a fork, and pickles as its path: the other process opens it
    again and refuses a pack that was replaced meanwhile. It keeps reading the file it opened, even
    when another pack is published under the same name.

    Attributes:
        path: Where it was opened.
        schema: Its fields, in the order of a sample.
        info: Facts about the whole pack.
        sample_type: Named tuple class "Sample" with the schema's names.
        verify_mode: "first" or "always", see `open_pack`.
    """

    def __init__(
        self, path: Path, opened: Opened, *, verify: Verify, reopen: Callable[..., Pack]
    ) -> None:
        self.path = path
        self.schema: Schema = opened.manifest.schema
        self.info: PackInfo = opened.manifest.info(path)
        self.sample_type: type = record_type("Sample", tuple(self.schema))
        self.verify_mode: Verify = verify
        self._reopen = reopen
        self._opened: Opened | None = opened
        self._readers: dict[str, Reader] = opened.readers(path, always=verify == "always")

    def __len__(self) -> int:
        return self.info.count

    def __getitem__(self, index: int) -> Any:
        """Sample `index`, decoded to arrays, NumPy scalars and strings in memory of their own.

        Raises:
            IndexError: There is no such sample.
            PackCorrupt: A record differs from what was written.
        """
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Several samples at once, cheaper than one by one; PyTorch's fetcher calls this."""
        wanted = as_indices(indices, len(self))
        columns = [self._values(name, wanted) for name in self.schema]
        return [self.sample_type(*values) for values in zip(*columns, strict=True)]

    def column(self, name: str) -> NDArray[Any]:
        """All values of a small field, (N, ...), as a read-only view of the map.

        A field stored as rows is given too, where its rows lie side by side (in HDF5 always), after
        checking all of them.

        Raises:
            UsageError: The field is no column.
        """
        reader = self._reader(name)
        if isinstance(reader, Column):
            return reader.array
        if isinstance(reader, Rows):
            whole = reader.whole()
            if whole is not None:
                reader.units.check(np.arange(len(reader.units)))
                return whole
        raise UsageError(
            f"field {name!r} of {self.path} is stored as {self.schema[name].storage}, not as a "
            f"column; "
            f"use gather({name!r}, indices) or pack[i].{name}"
        )

    def records(self, name: str, indices: Any) -> list[memoryview]:
        """Stored bytes of these samples, checked, as views of the map.

        Raises:
            UsageError: The field is not stored as records.
            IndexError: There is no such sample.
            PackCorrupt: One differs from what was written.
        """
        reader = self._reader(name)
        if not isinstance(reader, Records):
            raise UsageError(
                f"field {name!r} of {self.path} is stored as {self.schema[name].storage}, not as "
                f"records; use gather({name!r}, indices)"
            )
        wanted = as_indices(indices, len(self))
        reader.check(wanted)
        return reader.views(wanted)

    def gather(self, name: str, indices: Any) -> NDArray[Any]:
        """Stored values of these samples, checked, as a new array (B, *item_shape).

        Raises:
            UsageError: The field is stored as records.
            IndexError: There is no such sample.
            PackCorrupt: One differs from what was written.
        """
        reader = self._fixed(name)
        wanted = as_indices(indices, len(self))
        reader.check(wanted)
        return reader.gather(wanted)

    def row_source(self, name: str) -> RowSource:
        """Where the values of a field stored as rows or series lie, for engines that gather.

        Raises:
            UsageError: The field is stored otherwise.
        """
        reader = self._fixed(name)
        if isinstance(reader, Column):
            raise UsageError(f"field {name!r} of {self.path} is a column; use column({name!r})")
        return reader.source

    def series(self, name: str) -> NDArray[Any]:
        """The whole series (T, F) of a window field, checked, as a read-only view of the map.

        Raises:
            UsageError: The field holds no windows.
        """
        reader = self._windows(name)
        reader.units.check(np.arange(len(reader.units)))
        return reader.series()

    def starts(self, name: str) -> NDArray[Any]:
        """Start rows (N,) int64 of the windows of a field, in its series.

        Raises:
            UsageError: The field holds no windows.
        """
        return self._windows(name).starts

    def check(self, name: str, indices: Any) -> None:
        """Compare the checksums of what these samples touch; whole ones are remembered.

        Raises:
            PackCorrupt: One differs from what was written.
        """
        self._reader(name).check(as_indices(indices, len(self)))

    def sizes(self, name: str) -> NDArray[Any]:
        """(height, width) of every sample's upright pixels, (N, 2) int32, read-only.

        Raises:
            UsageError: The field has no pixels.
        """
        field = self.schema[name] if name in self.schema else None
        reader = self._reader(name)
        if field is None or not field.spatial:
            raise UsageError(f"field {name!r} of {self.path} has no pixels, hence no sizes")
        if isinstance(reader, Records) and reader.sizes is not None:
            return reader.sizes
        shape = getattr(field, "shape", None) or (0, 0)
        return np.broadcast_to(np.array(shape, np.int32), (len(self), 2))

    def stored_bytes(self, name: str) -> int:
        """Bytes of one field's values in the pack, without indices.

        Raises:
            UsageError: There is no such field.
        """
        reader = self._reader(name)
        if isinstance(reader, Column):
            return reader.array.nbytes
        return 0 if reader.units is None else int(reader.units.lengths.sum())

    def key(self, index: int) -> str:
        """Source name of sample `index`, or "sample 42" when none was stored."""
        wanted = as_indices([index], len(self))
        reader = self._readers.get(KEY_FIELD)
        if isinstance(reader, Records):
            reader.check(wanted)
            name = str(reader.views(wanted)[0], "utf-8", "surrogateescape")
            if name:
                return name
        return f"sample {int(wanted[0])}"

    def subset(self, **equals: Any) -> PackView:
        """The samples whose columns equal all these values, such as ``pack.subset(split="train")``.

        Raises:
            UsageError: A name is no label or scalar, or a class name is unknown.
        """
        return PackView(self, select(self, np.arange(len(self)), equals))

    def map(self, function: Callable[[Any], Any]) -> MappedPack:
        """The dataset of ``function(sample)``; loaders run it in worker processes."""
        return MappedPack(self, function)

    def verify(self, progress: Progress | None = None) -> VerifyReport:
        """Read and check everything; lists what is wrong and raises nothing for it.

        Args:
            progress: Called now and then with the bytes read and the bytes to read in all.
        """
        if self._opened is None:
            raise UsageError(f"{self.path} is closed; open it again")
        return verify_pack(self._opened, self._readers, self.key, progress)

    def close(self) -> None:
        """Let go of the map, which goes when its last view does; reading on is an error."""
        self._opened = None
        self._readers = {}

    def __enter__(self) -> Pack:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return self._reopen, (self.path, self.verify_mode, self.info.id)

    def __repr__(self) -> str:
        return f"<Pack {self.path}: {len(self)} samples of {', '.join(self.schema)}>"

    def _reader(self, name: str) -> Reader:
        if self._opened is None:
            raise UsageError(f"{self.path} is closed; open it again")
        if name not in self.schema:
            raise UsageError(f"{self.path} has no field {name!r}; it has {', '.join(self.schema)}")
        return self._readers[name]

    def _fixed(self, name: str) -> Column | Rows | Windows:
        reader = self._reader(name)
        if isinstance(reader, Records):
            raise UsageError(
                f"field {name!r} of {self.path} is stored as records of any length; "
                f"use records({name!r}, indices)"
            )
        return reader

    def _windows(self, name: str) -> Windows:
        reader = self._reader(name)
        if not isinstance(reader, Windows):
            raise UsageError(f"field {name!r} of {self.path} holds no windows of a series")
        return reader

    def _values(self, name: str, indices: Indices) -> Any:
        reader, field = self._reader(name), self.schema[name]
        reader.check(indices)
        if not isinstance(reader, Records):
            return decode_rows(field, reader.gather(indices))
        sizes = [None] * len(indices) if reader.sizes is None else reader.sizes[indices].tolist()
        values = []
        for index, data, size in zip(indices.tolist(), reader.views(indices), sizes, strict=True):
            try:
                values.append(decode_record(field, data, size))
            except FastDataError as error:
                where = f"{self.key(index)}, field {name!r} of {self.path}"
                raise type(error)(f"{where}: {error}") from error
        return values

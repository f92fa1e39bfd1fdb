"""Writes a pack: samples are staged under NAME.partial, the pack appears in one step."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.errors import StorageError, UsageError
from fastdata.packs.base import Backend
from fastdata.packs.encoding import EncodedSample, encode_sample
from fastdata.packs.finishing import build_checked, find_finished
from fastdata.packs.opening import partial_of
from fastdata.packs.partial import Partial, storage_error
from fastdata.packs.publish import check_replaceable, publish, recover, sync_tree
from fastdata.packs.sealing import FORMAT_VERSION
from fastdata.packs.staging import Staging, begun_id
from fastdata.packs.storable import check_writable
from fastdata.schema import Schema, Window

__all__ = ["PackWriter", "create_pack"]

SUFFIXES: dict[str, Backend] = {".lmdb": "lmdb", ".h5": "hdf5", ".hdf5": "hdf5"}


def create_pack(
    path: str | os.PathLike[str],
    schema: Schema,
    *,
    overwrite: bool = False,
    resume: bool = False,
    source: str = "",
    options: dict[str, Any] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> PackWriter:
    """Begin, or go on with, a pack; use it in a ``with`` block, at whose end the pack is published.

    Args:
        path: ``NAME.lmdb`` for an LMDB folder, ``NAME.h5`` or ``NAME.hdf5`` for an HDF5 file.
        schema: What a sample is.
        overwrite: Replace a pack of this name, at the moment when the new one is whole.
        resume: Go on where an interrupted writer's journal ends; `PackWriter.position` says where.
        source: What the pack is made from, in words.
        options: How it is made, as plain JSON values.
        progress: Called while the pack is finished with "build" (it is written from what was
            staged) or "check" (it is read back), the bytes done and the bytes in all.

    Raises:
        UsageError: The suffix, the schema or a resume does not fit, or the pack exists.
        PackBusy: Another process is writing it.
        StorageError: The system refused.
    """
    check_writable(schema)
    target = Path(os.path.abspath(path))
    backend = SUFFIXES.get(target.suffix.lower())
    if backend is None:
        raise UsageError(
            f"{target.name} has the suffix {target.suffix!r}; use .lmdb for an LMDB pack, .h5 or "
            f".hdf5 "
            "for an HDF5 pack"
        )
    return PackWriter(
        target,
        schema,
        backend=backend,
        overwrite=overwrite,
        resume=resume,
        source=source,
        options=options or {},
        progress=progress,
    )


class PackWriter:
    """A pack being written; `create_pack` makes it. For one thread at a time.

    Attributes:
        path: Where the pack will be.
        schema: What a sample is.
        backend: "lmdb" or "hdf5".
    """

    def __init__(
        self,
        path: Path,
        schema: Schema,
        *,
        backend: Backend,
        overwrite: bool,
        resume: bool,
        source: str,
        options: dict[str, Any],
        progress: Callable[[str, int, int], None] | None,
    ) -> None:
        self.path = path
        self.schema = schema
        self.backend: Backend = backend
        self._progress = progress
        self._broken = False
        self._closed = False
        self._partial = Partial(partial_of(path))
        try:
            recover(self._partial, path)
            header = {
                "version": FORMAT_VERSION,
                "id": uuid.uuid4().hex,
                "backend": backend,
                "schema": schema.to_json(),
                "source": source,
                "options": options,
            }
            self._finished = find_finished(self._partial, path) if resume else None
            self._check_target(overwrite)
            self._windows = [n for n, field in schema.items() if isinstance(field, Window)]
            self._staging = Staging(self._partial, schema, header, resume=resume)
        except OSError as error:
            self._partial.release()
            if isinstance(error, StorageError):
                raise
            raise storage_error(error, f"cannot write {path}", path) from error
        except BaseException:
            self._partial.release()
            raise

    @property
    def packed(self) -> int:
        """Samples in the pack so far."""
        if self._finished is not None:
            return self._finished.count
        return self._staging.packed

    @property
    def rejected(self) -> int:
        """Source samples left out so far."""
        if self._finished is not None:
            return len(self._finished.rejects)
        return self._staging.rejected

    @property
    def position(self) -> int:
        """Source samples (packed or rejected) safe on disk: a resume goes on behind them."""
        return self.packed + self.rejected if self._finished else self._staging.position

    def add(self, __key__: str | None = None, **fields: Any) -> None:
        """Encode and append one sample; see `encode_sample` for what a field takes.

        Args:
            __key__: Its source name, such as a relative path.
            **fields: A value for every field of the schema.

        Raises:
            InputError: A value does not fit; the pack is as if nothing had been added.
            StorageError: The system refused.
        """
        self.append(encode_sample(self.schema, fields, __key__ or ""))

    def append(self, encoded: EncodedSample) -> None:
        """Append one sample that `encode_sample` made, perhaps in another process."""
        if self._finished is not None:
            raise UsageError(
                f"{self.path} was finished by the run that is resumed, with {self.position} source "
                "samples; nothing is left to add"
            )
        for name, (rows, _) in self._staging.series.items():
            start = int(np.frombuffer(encoded.fields[name].data, "<i8")[0])
            length = (self.schema[name].item_shape or (0,))[0]
            if start + length > rows:
                raise UsageError(
                    f"window {name!r} starts at row {start} and has {length} rows; the series has "
                    f"{rows}"
                )
        if len(self._staging.series) < len(self._windows):
            raise UsageError(
                f"call set_series for {', '.join(self._windows)} before adding samples"
            )
        with self._guard("cannot stage a sample"):
            self._staging.append(encoded)

    def reject(self, key: str, reason: str) -> None:
        """Note a source sample that cannot be packed, for `PackInfo.rejects`."""
        with self._guard("cannot note a reject"):
            self._staging.reject(key, reason)

    def set_series(self, name: str, array: NDArray[Any]) -> None:
        """Store the series that the windows of a field are parts of; once, before adding samples.

        Args:
            name: A window field.
            array: (T, features), of any type that casts to the field's; may be a memory map.

        Raises:
            UsageError: The field or the shape does not fit.
        """
        field = self.schema.get(name)
        if not isinstance(field, Window):
            raise UsageError(f"{name!r} is no window field of {self.path}")
        if array.ndim != 2 or array.shape[1] != len(field.features):
            raise UsageError(
                f"the series of {name!r} has shape {array.shape}; expected (rows, "
                f"{len(field.features)})"
            )
        with self._guard("cannot stage a series"):
            self._staging.put_series(name, array)

    def checkpoint(self) -> None:
        """Make everything added so far safe now; it happens by itself every two seconds."""
        with self._guard("cannot sync the staged samples"):
            self._staging.checkpoint()

    def commit(self) -> None:
        """Build the pack, read it back, make it durable and give it its name.

        Raises:
            StorageError: The system refused; the samples stay staged for a resume.
            PackCorrupt: The disk gave back other bytes than were written.
        """
        with self._guard(f"cannot finish {self.path}"):
            if self._finished is None:
                self._staging.checkpoint()
                built = self._build()
                sync_tree(built)
                publish(self._partial, built, self.path)
            self._staging.close()
            self._partial.remove()
        self._closed = True

    def close(self) -> None:
        """Stop writing and keep what is staged for a resume."""
        self._closed = True
        self._staging.close()
        self._partial.release()

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._closed:
                return
            if kind is None:
                self.commit()
            elif not self._broken:
                self.checkpoint()
        except StorageError:
            # The error that ended the block matters more than that the last seconds could not be
            # saved.
            if kind is None:
                raise
        finally:
            self.close()

    @contextlib.contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        """Turns a refused system call into a StorageError, and stops writing after it."""
        if self._closed:
            raise UsageError(f"the writer of {self.path} is closed; go on with resume=True")
        if self._broken:
            raise UsageError(f"writing {self.path} has failed before; go on with resume=True")
        try:
            yield
        except OSError as error:
            self._broken = True
            if isinstance(error, StorageError):
                raise
            raise storage_error(error, doing, self.path) from error
        except (KeyboardInterrupt, SystemExit):
            # It may have come between two bytes of a sample: only what is journalled is sure.
            self._broken = True
            raise

    def _build(self) -> Path:
        """The built pack inside the partial folder, read back and found whole."""
        folder = self._partial.file("build")
        folder.mkdir()
        built = folder / f"pack{self.path.suffix}"
        build_checked(self._staging, built, self.backend, progress=self._progress)
        return built

    def _check_target(self, overwrite: bool) -> None:
        if not os.path.lexists(self.path) or self._finished is not None:
            return
        try:
            if not overwrite:
                raise UsageError(f"{self.path} exists; use --overwrite (in Python: overwrite=True)")
            check_replaceable(self.path, self.backend)
        except UsageError:
            if begun_id(self._partial) is None:
                self._partial.remove()
            raise

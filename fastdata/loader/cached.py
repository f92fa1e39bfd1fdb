"""`cache`: keeps what a slow dataset returns, in memory that workers share or in a pack."""

from __future__ import annotations

import logging
import operator
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset, IterableDataset

from fastdata.engines.workers import WorkerProcesses, as_is
from fastdata.errors import SharedMemoryFull, StorageError, UsageError
from fastdata.hardware import Ranks, read_machine
from fastdata.loader.arena import Arena
from fastdata.loader.freezing import Freezer
from fastdata.loader.settings import can_be_sent, choose_workers
from fastdata.packs import EncodedField, EncodedSample, Pack, create_pack, open_pack, partial_of
from fastdata.schema import Bytes, Schema

__all__ = ["CachedDataset", "cache"]

_log = logging.getLogger("fastdata.loader")

_FIELD = "sample"
# Samples that are read to learn how large they are; evenly spread, since datasets are often sorted.
_PROBES = 8
# Part of the free memory that may be filled without being asked.
_SHARE = 0.8

Progress = Callable[[int, int], None]
"""Told how many samples of how many are kept."""


class CachedDataset(Dataset[Any]):
    """A dataset that reads each sample once; `cache` makes it.

    What it returns equals what the dataset returned in type, dtype and value, and is the caller's
    own. A dataset that draws random numbers is kept as it came the first time.

    Attributes:
        dataset: The dataset behind it.
    """

    def __init__(self, dataset: Any, store: Arena | Pack, freezer: Freezer) -> None:
        self.dataset = dataset
        self._store = store
        self._freezer = freezer
        self._is_full = False

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        """Sample `index`, from the cache where it is there."""
        try:
            number = operator.index(index)
        except TypeError:
            return self.dataset[index]
        count = len(self.dataset)
        number += count if number < 0 else 0
        if not 0 <= number < count:
            return self.dataset[index]
        kept = self._kept(number)
        if kept is not None:
            return self._freezer.thaw(kept)
        value = self.dataset[index]
        if isinstance(self._store, Arena) and not self._is_full:
            self._keep(number, value)
        return value

    @property
    def kept(self) -> int:
        """Number of samples that are in the cache."""
        return self._store.kept if isinstance(self._store, Arena) else len(self._store)

    @property
    def kept_bytes(self) -> int:
        """Bytes that they take."""
        store = self._store
        return store.used_bytes if isinstance(store, Arena) else store.info.data_bytes

    def _kept(self, number: int) -> memoryview | None:
        if isinstance(self._store, Arena):
            return self._store.get(number)
        return self._store.records(_FIELD, [number])[0] if number < len(self._store) else None

    def _keep(self, number: int, value: Any) -> None:
        assert isinstance(self._store, Arena)
        if not self._store.put(number, self._freezer.freeze(value, f"sample {number}")):
            self._is_full = True
            _log.warning(
                "the cache is full: %d of %d samples are kept in %.1f MB, the others are read anew",
                self.kept,
                len(self),
                self.kept_bytes / 1e6,
            )


def cache(
    dataset: Any,
    to: str | os.PathLike[str] = "memory",
    max_bytes: int | None = None,
    *,
    progress: Progress | None = None,
) -> CachedDataset:
    """Keeps what a slow map-style dataset returns, so that each sample is made only once.

    In memory, one cache is shared by all workers of all loaders over it, and fills as samples are
    read. In a pack it is filled now, by worker processes; one that is there already is used, and
    one that was interrupted is gone on with.

    Args:
        dataset: Its samples are arrays, tensors, numbers, text, bytes and None, in tuples, named
            tuples, lists and dicts, nested at will.
        to: "memory", or the path of a pack to build (.lmdb or .h5).
        max_bytes: Keeps as many samples as fit; None keeps all, and refuses when they would not fit
            into what is free.
        progress: Called with (samples kept, samples) while a pack is built.

    Raises:
        UsageError: A sample holds something else, or the pack caches another dataset.
        SharedMemoryFull: The memory would not hold it; the message has the figures.
        StorageError: Neither would the disk, or the system refused.
    """
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise UsageError(
            f"a cache needs a dataset with a length and an index; found {type(dataset).__name__}"
        )
    if max_bytes is not None and max_bytes <= 0:
        raise UsageError(f"max_bytes={max_bytes}; expected a positive number, or None")
    freezer = Freezer()
    if os.fspath(to) == "memory":
        return _in_memory(dataset, freezer, max_bytes)
    return CachedDataset(
        dataset, _in_pack(dataset, Path(to), freezer, max_bytes, progress), freezer
    )


def _in_memory(dataset: Any, freezer: Freezer, max_bytes: int | None) -> CachedDataset:
    if sys.platform == "win32":
        raise UsageError("to='memory' needs a POSIX system; give the path of a pack instead")
    probes = list(_probes(dataset, freezer))
    needed = _needed(dataset, probes)
    free = read_machine().memory_bytes
    usable = int(free * _SHARE)
    if min(needed, max_bytes or needed) > usable:
        raise SharedMemoryFull(
            f"keeping {len(dataset)} samples takes about {_size(needed)}"
            + (f", max_bytes asks for {_size(max_bytes)}" if max_bytes else "")
            + f"; {_size(free)} of memory are free; give a smaller max_bytes= to keep a part, or "
            "the path of a pack on an SSD"
        )
    # Twice the estimate costs nothing until it is used.
    capacity_bytes = min(max_bytes, usable) if max_bytes else 2 * needed + (1 << 20)
    arena = Arena(len(dataset), capacity_bytes)
    for number, data in probes:
        arena.put(number, data)
    return CachedDataset(dataset, arena, freezer)


def _in_pack(
    dataset: Any, path: Path, freezer: Freezer, max_bytes: int | None, progress: Progress | None
) -> Pack:
    options = {
        "cache_of": len(dataset),
        "sample": freezer.shape_of(dataset[0]) if len(dataset) else "",
        "max_bytes": max_bytes,
    }
    if path.exists():
        pack = open_pack(path)
        if pack.info.options != options:
            raise UsageError(
                f"{path} was built from other samples or limits ({pack.info.options}; this would "
                f"be {options}); delete it, or give another path"
            )
        return pack
    whole = _needed(dataset, list(_probes(dataset, freezer)))
    needed = min(whole, max_bytes or whole)
    folder = path.absolute().parent
    free = shutil.disk_usage(folder).free
    # Samples are staged, and then copied into the pack.
    if 2 * needed > free:
        raise StorageError(
            f"caching {len(dataset)} samples in {path} takes about {_size(2 * needed)} while it is "
            f"built; {_size(free)} are free in {folder}; give max_bytes=, or another disk"
        )
    _build(dataset, path, freezer, options, progress)
    return open_pack(path)


def _build(
    dataset: Any,
    path: Path,
    freezer: Freezer,
    options: dict[str, Any],
    progress: Progress | None,
) -> None:
    limit = options["max_bytes"]
    with create_pack(
        path,
        Schema({_FIELD: Bytes()}),
        resume=partial_of(path).exists(),
        source=f"fastdata.cache of a {type(dataset).__name__}",
        options=options,
    ) as writer:
        count, kept_bytes = writer.position, 0
        for data in _frozen(dataset, freezer, range(count, len(dataset))):
            kept_bytes += len(data)
            if limit is not None and kept_bytes > limit:
                break
            writer.append(EncodedSample(f"sample {count}", {_FIELD: EncodedField(data)}))
            count += 1
            if progress is not None:
                progress(count, len(dataset))


class _Frozen(Dataset[bytes]):
    """Samples of a dataset, frozen by the worker that read them."""

    def __init__(self, dataset: Any, freezer: Freezer) -> None:
        self.dataset = dataset
        self._freezer = freezer

    def __getitem__(self, index: int) -> bytes:
        return self._freezer.freeze(self.dataset[index], f"sample {index}")


def _frozen(dataset: Any, freezer: Freezer, numbers: range) -> Iterator[bytes]:
    machine = read_machine()
    workers = choose_workers(
        machine, Ranks(), iterable=False, unsendable=can_be_sent(machine, [dataset])
    ).value
    options = {"num_workers": workers, "persistent_workers": False}
    batches = WorkerProcesses(
        _Frozen(dataset, freezer),
        options,
        as_is,
        content=lambda tasks: {"batch_size": None, "sampler": tasks},
    ).batches(numbers, _nothing_skipped)
    while True:
        try:
            yield next(batches)
        except StopIteration:
            return


def _nothing_skipped(skips: Any) -> None:
    """Every sample is kept, or its error ends the building."""


def _probes(dataset: Any, freezer: Freezer) -> Iterator[tuple[int, bytes]]:
    count = len(dataset)
    for number in sorted({at * count // _PROBES for at in range(_PROBES)} if count else ()):
        yield number, freezer.freeze(dataset[number], f"sample {number}")


def _needed(dataset: Any, probes: list[tuple[int, bytes]]) -> int:
    sizes = [len(data) for _, data in probes]
    return len(dataset) * sum(sizes) // max(1, len(sizes))


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.2f} MB"

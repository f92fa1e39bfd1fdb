"""The fields of one or several packs, by the sample indices of the dataset given to a loader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastdata.engines.located import Located, locate
from fastdata.engines.take import Take, take_array, take_located, take_rows
from fastdata.engines.work import Indices
from fastdata.errors import FastDataError, UsageError
from fastdata.packs.pack import Pack
from fastdata.packs.views import PackView
from fastdata.schema import Field

__all__ = ["PackFields", "pack_fields"]

# What two packs may differ in and still fill one batch.
_OWN_TO_A_PACK = ("classes", "quality", "ignore_index", "of", "truncate", "features", "categories")


class PackFields:
    """Chosen fields of packs, read for whole batches; indices are int64 (B,), each in range.

    Args:
        located: The packs, and where each sample of the dataset lies in them.
        names: The fields, in the order of a batch.
    """

    def __init__(self, located: Located, names: Sequence[str]) -> None:
        self.located = located
        self.names = tuple(names)
        self.fields: dict[str, Field] = {name: located.leaves[0].schema[name] for name in names}
        self._takes: dict[str, Take] = {}

    def __len__(self) -> int:
        return self.located.count

    def __reduce__(self) -> tuple[Any, ...]:
        # The gathers hold views of this process's memory map.
        return PackFields, (self.located, self.names)

    def gather(self, name: str, indices: Indices) -> torch.Tensor:
        """Stored values of a fixed-size field, checked, as a new tensor (B, *item_shape)."""
        return self.take(name)(indices)

    def take(self, name: str) -> Take:
        """How to gather the stored values of a fixed-size field; it checks what it locates."""
        take = self._takes.get(name)
        if take is None:
            leaves = [self._leaf_take(pack, name) for pack in self.located.leaves]
            take = self._takes[name] = take_located(self.located, leaves)
        return take

    def records(self, name: str, indices: Indices) -> list[memoryview]:
        """Stored bytes of each sample, checked, in batch order; views of the packs' maps."""
        out: list[Any] = [None] * len(indices)
        for part in self.located.parts(indices):
            found = self._leaf_records(self.located.leaves[part.leaf], name, part.rows)
            if part.positions is None:
                return list(found)
            for position, record in zip(part.positions.tolist(), found, strict=True):
                out[position] = record
        return out

    def sizes(self, name: str, indices: Indices) -> NDArray[np.int32]:
        """(height, width) of the upright pixels of these samples, int32 (B, 2)."""
        out = np.empty((len(indices), 2), np.int32)
        for part in self.located.parts(indices):
            sizes = self.located.leaves[part.leaf].sizes(name)[part.rows]
            out[slice(None) if part.positions is None else part.positions] = sizes
        return out

    def first_size(self, name: str) -> tuple[int, int]:
        """(height, width) of the first sample's pixels; (0, 0) when there is none."""
        height, width = self.sizes(name, np.zeros(1, np.int64))[0] if len(self) else (0, 0)
        return int(height), int(width)

    def key(self, index: int) -> str:
        """Source name of a sample."""
        pack, row = self.located.row(index)
        return str(pack.key(row))

    def unreadable(self, indices: Indices) -> list[tuple[int, FastDataError]]:
        """Positions of samples with a damaged record, and what is wrong with each."""
        try:
            self._check(indices)
        except FastDataError:
            return [
                (position, error)
                for position in range(len(indices))
                if (error := self._fault(indices[position : position + 1])) is not None
            ]
        return []

    def _check(self, indices: Indices) -> None:
        for part in self.located.parts(indices):
            for name in self.names:
                self.located.leaves[part.leaf].check(name, part.rows)

    def _fault(self, indices: Indices) -> FastDataError | None:
        try:
            self._check(indices)
        except FastDataError as error:
            return error
        return None

    def _leaf_records(self, pack: Pack, name: str, rows: Indices) -> list[memoryview]:
        if self.fields[name].storage == "records":
            return pack.records(name, rows)
        pack.check(name, rows)
        source = pack.row_source(name)
        memory, row_bytes = source.bytes.data, source.row_bytes
        return [memory[start : start + row_bytes] for start in source.offsets(rows).tolist()]

    def _leaf_take(self, pack: Pack, name: str) -> Take:
        if self.fields[name].storage == "column":
            return take_array(pack.column(name))
        plain = take_rows(pack.row_source(name))

        def locate(rows: Indices) -> Indices:
            pack.check(name, rows)
            return plain.locate(rows)

        return Take(locate, plain.pull)


def pack_fields(dataset: Any, names: Sequence[str] | None) -> PackFields | None:
    """The chosen fields of a dataset that consists of packs, or None when it does not.

    Args:
        dataset: A pack, a part of one, or Subset and ConcatDataset of them, nested at will.
        names: Field names in the order of a batch; None takes all.

    Raises:
        UsageError: A name is unknown or double, or the packs' fields do not fit together.
    """
    located = locate(dataset, _leaf)
    if located is None:
        return None
    if isinstance(names, str):
        raise UsageError(f"fields={names!r}; expected a list of names: fields=[{names!r}]")
    schema = located.leaves[0].schema
    chosen = tuple(schema) if names is None else tuple(names)
    for pack in located.leaves:
        for name in chosen:
            if name not in pack.schema:
                raise UsageError(
                    f"no field {name!r} in {pack.path}; it has {', '.join(pack.schema)}"
                )
            if _form(pack.schema[name]) != _form(schema[name]):
                raise UsageError(
                    f"field {name!r} of {pack.path} and of {located.leaves[0].path} cannot share a "
                    f"batch: {pack.schema[name]} and {schema[name]}; choose others with fields="
                )
    if not chosen or len(set(chosen)) < len(chosen):
        raise UsageError(f"fields={list(chosen)} must name at least one field, and none twice")
    return PackFields(located, chosen)


def _leaf(dataset: Any) -> Located | None:
    if isinstance(dataset, Pack):
        return Located((dataset,), None, None, len(dataset))
    if isinstance(dataset, PackView):
        return Located((dataset.pack,), None, dataset.indices, len(dataset))
    return None


def _form(field: Field) -> dict[str, Any]:
    kept = {name: value for name, value in field.to_json().items() if name not in _OWN_TO_A_PACK}
    if field.storage == "records" and kept.get("codec") in ("keep", "jpeg-fast", "jpeg", "png"):
        # The bytes say themselves which codec they are.
        kept["codec"] = "encoded"
        kept["shape"] = None
    return kept | {"storage": field.storage}

"""Samples that somebody else has read from a pack and decoded, as if they were a small pack."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.distance import quantize
from fastdata.engines.located import Located
from fastdata.engines.packed import PackFields
from fastdata.engines.work import Indices
from fastdata.packs.base import RowSource
from fastdata.schema import DistanceMap, Field

__all__ = ["decoded_fields"]


def decoded_fields(samples: Sequence[Any], schema: Mapping[str, Field]) -> PackFields:
    """The fields of these samples, so that batches are made of them as of a pack's.

    Args:
        samples: "Sample" named tuples, as a pack gives them.
        schema: The fields wanted; samples may have more.
    """
    leaf = _Samples(samples, schema)
    return PackFields(Located((leaf,), None, None, len(samples)), tuple(schema))


class _Samples:
    """What `PackFields` asks of a pack; pixels are raw and of any size."""

    def __init__(self, samples: Sequence[Any], schema: Mapping[str, Field]) -> None:
        self._samples = samples
        self.schema = {
            # The kinds that have sizes are those that have a codec.
            name: dataclasses.replace(field, codec="raw", shape=None)  # type: ignore[call-arg]
            if field.spatial
            else field
            for name, field in schema.items()
        }

    def records(self, name: str, rows: Indices) -> list[Any]:
        field = self.schema[name]
        values = [getattr(self._samples[row], name) for row in rows.tolist()]
        if isinstance(field, DistanceMap):
            values = [quantize(value, field) for value in values]
        if field.spatial:
            return [np.ascontiguousarray(value).data.cast("B") for value in values]
        return [
            value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
            for value in values
        ]

    def column(self, name: str) -> NDArray[Any]:
        return np.stack([getattr(sample, name) for sample in self._samples])

    def row_source(self, name: str) -> RowSource:
        values = np.ascontiguousarray(self.column(name))
        row_bytes = values[0].nbytes
        return RowSource(
            values.reshape(-1).view(np.uint8),
            lambda rows: rows * row_bytes,
            row_bytes,
            values.dtype,
            values.shape[1:],
        )

    def sizes(self, name: str) -> NDArray[np.int32]:
        axes = slice(-2, None) if isinstance(self.schema[name], DistanceMap) else slice(2)
        shapes = [getattr(sample, name).shape[axes] for sample in self._samples]
        return np.array(shapes, np.int32).reshape(-1, 2)

    def check(self, name: str, rows: Indices) -> None:
        """Whoever read the samples has checked them."""

    def key(self, row: int) -> str:
        return f"sample {row} of the batch"

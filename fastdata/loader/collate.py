"""Batches of a pack's samples, for those who read the pack by a DataLoader of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from fastdata.sampletype import record_type
from fastdata.schema import Field, Image

__all__ = ["SampleCollate"]


class SampleCollate:
    """The ``collate_fn`` that a FastLoader over a pack shows.

    Tools that build a DataLoader of their own from a loader's attributes get the same kind of batch
    from it; a FastLoader that is given it makes its batches itself.

    Args:
        schema: The fields.
    """

    def __init__(self, schema: Mapping[str, Field]) -> None:
        self._images = tuple(name for name, field in schema.items() if isinstance(field, Image))

    def __call__(self, samples: Sequence[Any]) -> Any:
        """A "Batch" of "Sample" named tuples of one size."""
        names = samples[0]._fields
        columns = zip(*samples, strict=True)
        values = [self._batch(name, col) for name, col in zip(names, columns, strict=True)]
        return record_type("Batch", names)(*values)

    def _batch(self, name: str, values: tuple[Any, ...]) -> Any:
        if isinstance(values[0], str):
            return list(values)
        stacked = torch.from_numpy(np.stack(values))
        return stacked.permute(0, 3, 1, 2) if name in self._images else stacked

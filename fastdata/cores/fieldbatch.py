"""One field of a batch, as a core is given it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fastdata.errors import UsageError
from fastdata.geometry import Geometry
from fastdata.schema import Field, Image
from fastdata.transforms import Pixels

__all__ = ["FieldBatch"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FieldBatch:
    """One spatial field of B samples: what is decoded, and where it goes.

    Attributes:
        field: An `Image`, `Mask` or `DistanceMap`.
        records: B bytes-like objects: files (JPEG, PNG), or raw values in C order; or an array
            (B, ...) of raw values.
        sizes: (B, 2) height and width of the upright sources.
        out: (B, H, W, C) uint8 or float32 for images, (B, H, W) of the mask's dtype, or float32
            (B, H, W) or (B, classes, H, W) for distance maps in pixels. Written in place, any
            strides.
        names: Name of the sample at a position, for messages; called for failures only.
        geometry: What to do with the samples; None keeps every one as it is.
        pixels: Values of images; None, and masks and distance maps always, are left as they are.

    Raises:
        UsageError: The normalisation does not fit the number of channels, or there are not as many
            sizes, or not as much room, as records.
    """

    field: Field
    records: Sequence[Any] | npt.NDArray[Any]
    sizes: npt.NDArray[np.integer]
    out: npt.NDArray[Any]
    names: Callable[[int], str]
    geometry: Geometry | None = None
    pixels: Pixels | None = None

    def __post_init__(self) -> None:
        found = len(self.records), len(self.sizes), len(self.out)
        if len(set(found)) > 1:
            raise UsageError(
                "{} records, {} sizes and room for {}; expected as many of each".format(*found)
            )
        if isinstance(self.field, Image) and self.pixels is not None:
            self.pixels.check_channels(self.field.channels)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def problems(self) -> dict[int, str]:
        """Why the transforms are impossible on a sample, by position."""
        return {} if self.geometry is None else dict(self.geometry.problems)

"""One geometry for fields of different resolution, such as the two images of a restoration pair."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from fastdata.engines.packed import PackFields
from fastdata.geometry import Geometry

__all__ = ["at_resolution", "reference_field"]


def reference_field(fields: PackFields) -> str | None:
    """The spatial field whose pixels the transforms' sizes are in: the smallest one.

    Whole pixels of the smallest field are whole pixels of one that is larger by a whole factor, so
    that a crop of a pair stays an exact copy in both; the other way round it would not.
    """
    areas = {
        name: int(np.prod(fields.first_size(name), dtype=np.int64))
        for name, field in fields.fields.items()
        if field.spatial
    }
    return min(areas, key=lambda name: areas[name]) if areas else None


def at_resolution(geometry: Geometry, ratio: NDArray[np.float64]) -> Geometry:
    """The same regions in a field of another resolution, scaled by the same factors.

    Args:
        geometry: In pixels of the reference field.
        ratio: Height and width of the field by those of the reference, (B, 2).
    """
    if (ratio == 1).all():
        return geometry
    boxes = geometry.boxes * np.tile(ratio, 2)
    turned = (geometry.rot90 & 1).astype(np.bool_)[:, None]
    scaled = geometry.out_sizes * np.where(turned, ratio[:, ::-1], ratio)
    out_sizes = np.maximum(np.rint(scaled), 1).astype(np.int32)
    upright = np.where(turned, out_sizes[:, ::-1], out_sizes)
    is_copy = (boxes == np.rint(boxes)).all(axis=1) & (boxes[:, 2:] == upright).all(axis=1)
    return dataclasses.replace(geometry, boxes=boxes, out_sizes=out_sizes, resized=~is_copy)

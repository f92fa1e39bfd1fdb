"""One sample reduced to thumbnail size, so that a sheet never holds its full pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.cli.sheet.pictures import shrink_photo, shrink_values, thumbnail_size
from fastdata.schema import DistanceMap, Image, Mask, Schema, Window

__all__ = ["Draft", "draft"]

# A signed map is shown for the class with most pixels, unless it fills nearly the whole picture.
MOST_OF_PICTURE = 0.6


@dataclass
class Draft:
    """One sample, small, before colours and scales are known.

    Attributes:
        index: Its place in the pack.
        key: Its source name.
        photos: Thumbnails by field, (h, w) or (h, w, 3) uint8.
        ids: Class ids by mask field, (h, w).
        distances: Caption and distances in pixels (h, w) by distance map field.
        windows: (rows, features) by window field.
        words: All other values by field.
        error: Why it cannot be shown, or "".
    """

    index: int
    key: str
    photos: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    ids: dict[str, NDArray[Any]] = field(default_factory=dict)
    distances: dict[str, tuple[str, NDArray[np.float32]]] = field(default_factory=dict)
    windows: dict[str, NDArray[Any]] = field(default_factory=dict)
    words: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def draft(schema: Schema, sample: Sequence[Any], *, index: int, key: str, longest: int) -> Draft:
    """Reduces one decoded sample.

    Args:
        schema: Of the pack.
        sample: Values in schema order.
        index: The sample's place in the pack.
        key: The sample's source name.
        longest: Longest side of a thumbnail in pixels.
    """
    made = Draft(index=index, key=key)
    for (name, kind), value in zip(schema.items(), sample, strict=True):
        if isinstance(kind, Image):
            made.photos[name] = shrink_photo(value, thumbnail_size(value.shape, longest))
        elif isinstance(kind, Mask):
            made.ids[name] = shrink_values(value, thumbnail_size(value.shape, longest))
        elif isinstance(kind, DistanceMap):
            made.distances[name] = _one_map(name, kind, schema, value, longest)
        elif isinstance(kind, Window):
            made.windows[name] = np.array(value)
        else:
            made.words[name] = value
    return made


def _one_map(
    name: str, kind: DistanceMap, schema: Schema, value: NDArray[np.float32], longest: int
) -> tuple[str, NDArray[np.float32]]:
    size = thumbnail_size(value.shape[-2:], longest)
    if kind.form == "boundary":
        return name, shrink_values(value, size)
    shares = (value < 0).mean(axis=(1, 2))
    most = int(np.where(shares <= MOST_OF_PICTURE, shares, shares - 1).argmax())
    mask = schema[kind.of]
    names = mask.classes if isinstance(mask, Mask) else ()
    class_name = names[most] if most < len(names) else f"class {most}"
    return f"{name}: {class_name}", shrink_values(value[most], size)

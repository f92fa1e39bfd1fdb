"""From an item to an encoded sample: the job of the conversion's workers, a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastdata.converters.loaded import Loaded, load
from fastdata.converters.paths import display
from fastdata.converters.resize import ResizeTo
from fastdata.converters.source import Item
from fastdata.distance import boundary, signed
from fastdata.errors import LabelError
from fastdata.packs import EncodedField, EncodedSample, encode_sample
from fastdata.schema import DistanceMap, Mask, Schema

__all__ = ["Prepared", "Recipe"]


class Prepared(NamedTuple):
    """A sample ready to be written, and how many bytes were read for it."""

    sample: EncodedSample
    source_bytes: int


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What to do with each item of a source.

    Images and masks are read, decoded (upright, whatever their EXIF orientation), checked against
    each other, resized if told so, and only then are distance maps computed from the masks.

    Attributes:
        schema: The finished schema.
        root: Real path that files lie under.
        file_fields: Fields that `Item.files` fill.
        value_fields: Fields that `Item.values` fill.
        resize: New size rule, or None.
        scale: For pairs, the factor from the first image to the second, else None.
        allow_outside: Whether files may lie outside the root.
    """

    schema: Schema
    root: str
    file_fields: tuple[str, ...]
    value_fields: tuple[str, ...]
    resize: ResizeTo | None
    scale: int | None
    allow_outside: bool

    def __call__(self, item: Item) -> Prepared:
        """Encodes one item.

        Raises:
            InputError: A file cannot be used.
            LabelError: A label or mask does not fit.
        """
        if item.fault is not None:
            raise LabelError(item.fault)
        if not self.file_fields:
            return Prepared(self._window(item), 0)
        loaded = {
            name: load(self.root, path, self.schema[name], allow_outside=self.allow_outside)
            for name, path in zip(self.file_fields, item.files, strict=True)
        }
        self._check_sizes(loaded)
        values: dict[str, Any] = dict(zip(self.value_fields, item.values, strict=True))
        for name, file in loaded.items():
            values[name] = file.stored(self.schema[name], self.resize)
        for name, field in self.schema.items():
            if isinstance(field, DistanceMap):
                values[name] = self._distances(field, loaded[field.of])
        sample = encode_sample(self.schema, values, item.key, check_pixels=False)
        return Prepared(sample, sum(len(file.data) for file in loaded.values()))

    def _window(self, item: Item) -> EncodedSample:
        """A window's start and target, which the layout has checked for all windows at once."""
        fields = {}
        for name, value in zip(self.value_fields, item.values, strict=True):
            field = self.schema[name]
            dtype = "<i8" if field.storage == "series" else field.item_dtype
            fields[name] = EncodedField(np.asarray(value, dtype).tobytes())
        return EncodedSample(item.key, fields)

    def _check_sizes(self, loaded: dict[str, Loaded]) -> None:
        first, *others = loaded.values()
        for name, file in loaded.items():
            if isinstance(self.schema[name], Mask) and file.size != first.size:
                raise LabelError(
                    f"{display(file.path)}: the mask is {_pixels(file.size)}, its image "
                    f"{display(first.path)} is {_pixels(first.size)}; both must have the same size"
                )
        if self.scale is not None:
            wanted = (first.size[0] * self.scale, first.size[1] * self.scale)
            if others[0].size != wanted:
                raise LabelError(
                    f"{display(others[0].path)}: is {_pixels(others[0].size)}; expected "
                    f"{_pixels(wanted)}, {self.scale} times its low-quality partner "
                    f"{display(first.path)} of {_pixels(first.size)}; mend the pair, or set the "
                    "factor of all pairs with scale (--scale)"
                )

    def _distances(self, field: DistanceMap, mask: Loaded) -> Any:
        if field.form == "signed":
            return signed(mask.ids, field.classes, truncate=field.truncate)
        of = self.schema[field.of]
        ignore = of.ignore_index if isinstance(of, Mask) else None
        return boundary(mask.ids, ignore_index=ignore, truncate=field.truncate)


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} (height x width)"

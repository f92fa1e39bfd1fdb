"""What a layout finds: items to convert, and the draft of a schema for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any, NamedTuple

from fastdata.schema import Field

__all__ = ["Evenly", "Item", "Source"]


class Item(NamedTuple):
    """One sample to be: small, picklable, and enough for a worker to make the sample from.

    Attributes:
        key: Name of the sample: its path below the root, or the value of the key column.
        files: Paths of its image and mask files, one for each of `Source.file_fields`.
        values: Its other values, one for each of `Source.value_fields`.
        fault: Why it cannot be used, when that is known from the listing alone.
    """

    key: str
    files: tuple[str, ...]
    values: tuple[Any, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """The result of a layout's listing; nothing but names and tables was read for it.

    Attributes:
        layout: Name of the layout.
        root: Real path of the folder that all files lie under.
        items: The items in source order, made when they are asked for.
        fields: The sample's fields in order; shapes and mask classes are found by the scan.
        file_fields: Names of the fields that `Item.files` fill.
        value_fields: Names of the fields that `Item.values` fill.
        scale: For pairs, the factor between the two sizes; 0 when it is to be found.
        series: For windows, the series (rows, features) of each window field.
        notes: What the user should know about how the source was understood.
    """

    layout: str
    root: str
    items: Sequence[Item]
    fields: Mapping[str, Field]
    file_fields: tuple[str, ...] = ()
    value_fields: tuple[str, ...] = ()
    scale: int | None = None
    series: Mapping[str, Any] = attribute(default_factory=dict)
    notes: tuple[str, ...] = ()


class Evenly(Sequence[Item]):
    """`count` of the items, spread evenly over all of them, in their order."""

    def __init__(self, items: Sequence[Item], count: int) -> None:
        self._items = items
        self._count = min(count, len(items))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._items[(index % self._count) * len(self._items) // self._count]

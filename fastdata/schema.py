"""What a sample is: named fields, each of a kind that says how it is stored and what it becomes.

A schema is written once, at conversion, and travels inside the pack::

    Schema({"image": Image(), "mask": Mask(classes=("road", "car")), "label": Label()})
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from typing import Any

from fastdata.errors import PackVersion, UsageError
from fastdata.kinds import (
    KINDS,
    Array,
    Bytes,
    DistanceMap,
    Field,
    Image,
    Label,
    Mask,
    Scalar,
    Text,
    Window,
)

__all__ = [
    "Array",
    "Bytes",
    "DistanceMap",
    "Field",
    "Image",
    "Label",
    "Mask",
    "Scalar",
    "Schema",
    "Text",
    "Window",
]


class Schema(Mapping[str, Field]):
    """An ordered, immutable mapping from field name to `Field`; its order is a sample's order.

    Args:
        fields: Field names, each a valid Python identifier without a leading underscore.

    Raises:
        UsageError: A name cannot be an attribute of a sample, or a distance map names no mask.
    """

    def __init__(self, fields: Mapping[str, Field]) -> None:
        if not fields:
            raise UsageError("a schema needs at least one field; found none")
        for name, field in fields.items():
            if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
                raise UsageError(
                    f"field name {name!r} cannot be an attribute of a sample; "
                    "use letters, digits and underscores, starting with a letter"
                )
            if not isinstance(field, Field):
                raise UsageError(
                    f"field {name!r} is a {type(field).__name__}; expected one of {sorted(KINDS)}"
                )
            if isinstance(field, DistanceMap) and not isinstance(fields.get(field.of), Mask):
                raise UsageError(
                    f"distance map {name!r} is of {field.of!r}, which is no mask field"
                )
        self._fields = dict(fields)

    def __getitem__(self, name: str) -> Field:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Schema({self._fields!r})"

    def __hash__(self) -> int:
        return hash(tuple(self._fields.items()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schema):
            return NotImplemented
        return list(self._fields.items()) == list(other._fields.items())

    def to_json(self) -> dict[str, Any]:
        """The schema as plain JSON values."""
        return {name: field.to_json() for name, field in self._fields.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Schema:
        """The schema that `to_json` described.

        Raises:
            PackVersion: A field has a kind or attribute that this fastdata does not know.
        """
        return cls({name: _field_from_json(name, dict(entry)) for name, entry in data.items()})


def _field_from_json(name: str, entry: dict[str, Any]) -> Field:
    kind = entry.pop("kind", None)
    if kind not in KINDS:
        raise PackVersion(
            f"field {name!r} has kind {kind!r}; this fastdata reads {sorted(KINDS)}; "
            "use the fastdata that wrote the pack, or convert again"
        )
    try:
        return KINDS[kind](**{key: _tuples(value) for key, value in entry.items()})
    except TypeError as error:
        raise PackVersion(
            f"field {name!r} of kind {kind!r} has attributes that this fastdata does not know "
            f"({error}); "
            "use the fastdata that wrote the pack, or convert again"
        ) from error


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value

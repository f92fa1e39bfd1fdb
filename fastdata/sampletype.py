"""Named tuples made at run time that survive pickling: samples and batches, in schema order."""

from __future__ import annotations

import collections
import functools
from typing import Any

__all__ = ["record_type"]


@functools.lru_cache(maxsize=256)
def record_type(name: str, fields: tuple[str, ...]) -> type[tuple[Any, ...]]:
    """A named tuple class with these fields, the same class for the same arguments.

    An ordinary run-time namedtuple cannot be pickled, because its class has no importable name; the
    instances of this one rebuild their class on the other side, in any process.

    Args:
        name: Name of the class, such as "Sample".
        fields: Names of its attributes, in order.
    """
    base: Any = collections.namedtuple(name, fields)  # type: ignore[misc]

    def reduce(self: tuple[Any, ...]) -> tuple[Any, ...]:
        return _rebuild, (name, fields, tuple(self))

    return type(name, (base,), {"__slots__": (), "__reduce__": reduce, "__module__": __name__})


def _rebuild(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    return record_type(name, fields)(*values)

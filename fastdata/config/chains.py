"""Transforms as a config names them: ``RandomCrop: 192``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import fastdata.transforms as transforms
from fastdata.errors import UsageError
from fastdata.transforms import Transform

__all__ = ["build_transforms"]


def build_transforms(entries: Sequence[str | Mapping[str, Any]], *, key: str) -> list[Transform]:
    """The transforms of a list such as ``[{RandomCrop: 192}, HorizontalFlip, ToFloat]``.

    Args:
        entries: A name; or a name with its argument, or with a mapping of its arguments.
        key: Where the list is, such as "data.transforms".

    Raises:
        UsageError: There is no such transform, or its arguments are wrong.
    """
    return [_build(entry, f"{key}[{index}]") for index, entry in enumerate(entries)]


def _build(entry: str | Mapping[str, Any], key: str) -> Transform:
    if isinstance(entry, str):
        entry = {entry: {}}
    if len(entry) != 1:
        raise UsageError(f"{key}: {dict(entry)!r}; expected one name, such as RandomCrop: 192")
    ((name, given),) = entry.items()
    known = _known()
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        raise UsageError(f"{key}: no transform {name!r}; {hint}")
    options = given if isinstance(given, Mapping) else {}
    single = () if isinstance(given, Mapping) else (_tuple(given),)
    try:
        built: Transform = known[name](
            *single, **{word: _tuple(value) for word, value in options.items()}
        )
        return built
    except TypeError as error:
        raise UsageError(f"{key}: {name} does not take {given!r} ({error})") from error


def _known() -> dict[str, Any]:
    found = {name: getattr(transforms, name) for name in transforms.__all__}
    return {
        name: kind
        for name, kind in found.items()
        if isinstance(kind, type) and issubclass(kind, Transform) and kind is not Transform
    }


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

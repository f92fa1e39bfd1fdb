"""Finds the transforms of a dataset, and times each operation by its name."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import ExitStack
from types import FunctionType
from typing import Any

from fastdata.profiling.hooks.staging import STAGES, stage

__all__ = ["time_transforms"]

# Attributes of datasets and of what they are made of, by which transforms are called in the field.
_HOLDERS = ("transform", "aug", "preproc")
_INNER = ("dataset", "datasets")
_DEEPEST = 8


def time_transforms(dataset: Any, *, own_copy: bool, undo: ExitStack) -> None:
    """Makes the transforms of a dataset count as the stage "transform".

    Objects are timed by their class, so that nothing a script can look at changes. A function has
    no class of its own; it is exchanged where the dataset is the worker's own copy.

    Args:
        dataset: Any dataset.
        own_copy: Whether nobody else sees it.
        undo: See `put_around`.
    """
    for holder, name, transform in _find(dataset, _DEEPEST):
        if isinstance(transform, FunctionType):
            if own_copy:
                timed = stage("transform", transform.__name__.strip("<>"))(transform)
                _exchange(holder, name, functools.wraps(transform)(timed))
        elif callable(transform):
            _time_class(type(transform), undo, is_whole=bool(_parts(transform)))


def _time_class(kind: type, undo: ExitStack, *, is_whole: bool) -> None:
    if not STAGES.has(kind, "__call__"):
        timed = stage("transform", "" if is_whole else kind.__name__)
        STAGES.put_around(kind, "__call__", timed, undo=undo)


def _exchange(holder: Any, name: str | int, timed: Any) -> None:
    if isinstance(holder, list) and isinstance(name, int):
        holder[name] = timed
    elif isinstance(name, str):
        setattr(holder, name, timed)


def _find(dataset: Any, depth: int) -> Iterator[tuple[Any, str | int, Any]]:
    """Each transform, with where it is held."""
    if not depth or not hasattr(dataset, "__dict__"):
        return
    for name, value in list(vars(dataset).items()):
        if any(part in name.lower() for part in _HOLDERS) and value is not None:
            yield dataset, name, value
            yield from _operations(value, depth - 1)
        elif name in _INNER:
            for inner in value if isinstance(value, list | tuple) else [value]:
                yield from _find(inner, depth - 1)


def _operations(transform: Any, depth: int) -> Iterator[tuple[Any, str | int, Any]]:
    parts = _parts(transform)
    for place, part in enumerate(parts):
        yield parts, place, part
        if depth:
            yield from _operations(part, depth - 1)


def _parts(transform: Any) -> Any:
    """What a Compose is made of; a list, or something like one."""
    if isinstance(transform, list | tuple):
        return transform
    parts = getattr(transform, "transforms", None)
    return parts if parts is not None and hasattr(parts, "__len__") else ()

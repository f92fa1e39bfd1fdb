"""Checks what a file says against the models, and tells everything that is wrong at once."""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from fastdata.config.models import RunConfig
from fastdata.config.reading import Document, Place
from fastdata.errors import UsageError

__all__ = ["check"]

# Settings check themselves, and begin their message with the name.
_NAMED = re.compile(r"(\w+)=")


@dataclass(frozen=True)
class _Fault:
    """One thing that is wrong.

    Attributes:
        place: Where.
        found: What is there.
        expected: What should be, or what to do.
    """

    place: Place
    found: str
    expected: str = ""


def check(document: Document) -> RunConfig:
    """The settings of a run.

    Raises:
        UsageError: With all faults on one line, each with its line, key and remedy.
    """
    faults = list(_unknown_keys(document.values, RunConfig, ()))
    left_out = {fault.place for fault in faults}
    while True:
        try:
            found = RunConfig.model_validate(_without(_given(document.values), left_out))
        except ValidationError as error:
            told = _of_the_kind_meant(error.errors(include_url=False), document.values)
            new = [_fault(entry, document.values) for entry in told]
            known = {fault.place for fault in faults}
            faults += [fault for fault in new if not _is_above_any(fault.place, known)]
            # Settings tell one fault at a time: they are asked again without it.
            own = {fault.place for fault, entry in zip(new, told, strict=True) if _is_own(entry)}
            if not own <= left_out:
                left_out |= own
                continue
        break
    if faults:
        raise UsageError("; ".join(_told(faults, document)))
    return found


def _is_above_any(place: Place, known: Collection[Place]) -> bool:
    """Whether it is one of the places, or a section that one was taken out of to go on."""
    return any(wrong[: len(place)] == place for wrong in known)


def _is_own(entry: Any) -> bool:
    """Whether settings have found it, which check themselves."""
    return bool(entry["type"] == "value_error")


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The sections that hold something; all lines of one may be commented out."""
    return {key: value for key, value in values.items() if value is not None}


def _told(faults: list[_Fault], document: Document) -> Iterator[str]:
    places = dict.fromkeys(fault.place for fault in faults)
    for place in places:
        here = [fault for fault in faults if fault.place == place]
        # Of something that may be of several kinds, each of them has told what it expected.
        expected = " or ".join(dict.fromkeys(fault.expected for fault in here if fault.expected))
        said = f"{here[0].found}; {expected}" if expected else here[0].found
        yield f"{document.where(place)}: {said}"


def _unknown_keys(values: Any, annotation: Any, place: Place) -> Iterator[_Fault]:
    """Every key that the models do not know."""
    if not isinstance(values, Mapping):
        return
    kinds = [kind for kind in _kinds(annotation) if _fields(kind)]
    if not kinds:
        return
    # A mapping with a path is something to import, where both may stand.
    kind = next((kind for kind in kinds if "path" in values and "path" in _fields(kind)), kinds[0])
    known = _fields(kind)
    if _is_by_name(annotation, values):
        for name, entry in values.items():
            yield from _unknown_keys(entry, annotation, (*place, name))
        return
    for key, value in values.items():
        if key in known:
            yield from _unknown_keys(value, known[key], (*place, key))
        else:
            here = (*place, key)
            yield _Fault(here, f"unknown key {_dotted(here)}", _nearest(key, known))


def _kinds(annotation: Any) -> list[Any]:
    """The classes that an annotation allows."""
    origin = typing.get_origin(annotation)
    if origin is None:
        return [annotation]
    if origin is typing.Annotated:
        return _kinds(typing.get_args(annotation)[0])
    if origin is dict:
        return _kinds(typing.get_args(annotation)[1])
    if origin in (typing.Union, types.UnionType):
        return [kind for entry in typing.get_args(annotation) for kind in _kinds(entry)]
    return []


def _fields(kind: Any) -> dict[str, Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return dict.fromkeys((field.name for field in dataclasses.fields(kind)), None)
    return {}


def _is_by_name(annotation: Any, values: Mapping[Any, Any]) -> bool:
    """Whether the mapping holds several of a kind under names of the user's own."""
    are_settings = all(isinstance(value, Mapping) for value in values.values())
    return bool(values) and are_settings and _allows_dict(annotation)


def _allows_dict(annotation: Any) -> bool:
    origin, entries = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _allows_dict(entries[0])
    is_union = origin in (typing.Union, types.UnionType)
    return origin is dict or (is_union and any(_allows_dict(entry) for entry in entries))


def _without(values: Any, wrong: Collection[Place], place: Place = ()) -> Any:
    """The values without what is known to be wrong."""
    if not isinstance(values, Mapping):
        return values
    return {
        key: _without(value, wrong, (*place, key))
        for key, value in values.items()
        if (*place, key) not in wrong
    }


def _of_the_kind_meant(entries: Sequence[Any], values: Any) -> list[Any]:
    """What is wrong with settings, where they are no import: a path is what tells them apart."""
    meant = [entry for entry in entries if not _is_of_another_kind(entry["loc"], values)]
    return meant or list(entries)


def _is_of_another_kind(place: tuple[Any, ...], values: Any) -> bool:
    for part in place:
        if part in ("Target", "OptimizerConfig") and isinstance(values, Mapping):
            return bool(("path" in values) != (part == "Target"))
        if isinstance(values, Mapping) and part in values:
            values = values[part]
    return False


def _nearest(key: Any, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(str(key), known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def _fault(entry: Any, values: Any) -> _Fault:
    place = _shown(entry["loc"], values, is_missing=entry["type"] == "missing")
    said = entry["msg"].removeprefix("Value error, ")
    name = _dotted(place)
    if entry["type"] == "missing":
        return _Fault(place, f"{name} is missing")
    if entry["type"] == "string_pattern_mismatch":
        return _Fault(place, f"{name} is {entry['input']!r}", "expected package.module:Name")
    if entry["type"] == "value_error":
        own = _NAMED.match(said)
        if own is not None:
            return _Fault((*place, own[1]), f"{name}.{said}" if name else said)
        return _Fault(place, f"{name}: {said}" if name else said)
    return _Fault(place, f"{name} is {entry['input']!r}", said[0].lower() + said[1:])


def _shown(place: tuple[Any, ...], values: Any, *, is_missing: bool) -> Place:
    """The place as it is in the file: pydantic puts the names of kinds between."""
    shown: list[str | int] = []
    for index, part in enumerate(place):
        if isinstance(values, Mapping) and part in values:
            values = values[part]
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            values = values[part]
        elif not (is_missing and index == len(place) - 1):
            continue
        shown.append(part)
    return tuple(shown)


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))

"""Reads a YAML file that may come from anywhere: small, shallow, without aliases and tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fastdata.errors import UsageError

__all__ = ["Document", "parse_value", "read_document"]

MOST_BYTES = 1_000_000
MOST_DEPTH = 50

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """What a YAML file says, with what the command line replaced in it, and where each comes from.

    Attributes:
        name: Of the file, for messages.
        values: Its mapping.
        sources: ``train.yaml:12`` or ``--set training.epochs=3``, by the place of every key and
            list entry.
    """

    name: str
    values: dict[str, Any]
    sources: dict[Place, str]

    def where(self, place: Place) -> str:
        """The source of a place, or of the nearest one above it that exists."""
        while place and place not in self.sources:
            place = place[:-1]
        return self.sources[place] if place else self.name


def read_document(path: Path) -> Document:
    """The mapping in a YAML file.

    Raises:
        UsageError: It is no UTF-8, no YAML, no mapping, larger than 1 MB, nested deeper than 50,
            has aliases, or a key twice.
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UsageError(f"{path.name} has more than {MOST_BYTES:,} bytes; is it a config file?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path.name}:{line}: is not UTF-8; save it with that encoding") from error
    values = _values(text, path.name)
    if not isinstance(values, dict):
        raise UsageError(
            f"{path.name} holds {_kind(values)}; expected a mapping with the keys data, model, loss"
        )
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return Document(path.name, values, dict(_sources(node, (), path.name)))


def parse_value(text: str, *, name: str) -> Any:
    """One value as it would be written in a YAML file.

    Args:
        text: Such as ``3``, ``auto`` or ``[image, mask]``.
        name: Where it comes from, for the message.

    Raises:
        UsageError: It is no YAML.
    """
    if len(text) > MOST_BYTES:
        raise UsageError(f"{name} is too long; write it into the file")
    return _values(text, name)


def _values(text: str, name: str) -> Any:
    try:
        _refuse_bombs(text, name)
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f":{mark.line + 1}"
        raise UsageError(f"{name}{line}: is not YAML: {error.problem or error.context}") from error
    # A number of many digits, a date that is none, a control character.
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{name} is not YAML: {' '.join(str(error).split())}") from error


def _refuse_bombs(text: str, name: str) -> None:
    """Looks at the events one by one: building the tree of a bomb is what must not happen."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 0 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise UsageError(f"{name}:{line}: anchors and aliases are not read; write it out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH:
            raise UsageError(f"{name}:{line}: is nested deeper than {MOST_DEPTH}")


def _sources(node: Any, place: Place, name: str) -> Iterator[tuple[Place, str]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise UsageError(f"{name}:{line}: the key {key.value!r} comes twice")
            seen.add(key.value)
            yield (*place, key.value), f"{name}:{line}"
            yield from _sources(value, (*place, key.value), name)
    elif isinstance(node, yaml.SequenceNode):
        for index, entry in enumerate(node.value):
            yield (*place, index), f"{name}:{entry.start_mark.line + 1}"
            yield from _sources(entry, (*place, index), name)


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"

"""Single settings from the command line, such as ``training.epochs=3``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastdata.config.reading import Document, parse_value
from fastdata.errors import UsageError

__all__ = ["with_overrides"]

# Enough to recognise an argument by, in a message.
_SHOWN_CHARACTERS = 60


def with_overrides(document: Document, given: Sequence[str]) -> Document:
    """The document with some of its values replaced, each of them known to come from ``--set``.

    Args:
        document: What the file says; it stays as it is.
        given: ``key.key=value`` each, the value as in YAML; a later one replaces an earlier one.

    Raises:
        UsageError: One is not of that form, or leads through something that is no mapping.
    """
    values, sources = dict(document.values), dict(document.sources)
    for entry in given:
        path, sign, text = entry.partition("=")
        keys = tuple(path.split("."))
        if not sign or not all(keys):
            raise UsageError(f"--set {entry!r}; expected key=value, such as training.epochs=3")
        _replace(values, keys, parse_value(text, name=f"--set {path}"), entry=entry)
        sources = {at: source for at, source in sources.items() if at[: len(keys)] != keys}
        sources[keys] = f"--set {_shortened(entry)}"
    return Document(document.name, values, sources)


def _replace(values: dict[str, Any], keys: tuple[str, ...], value: Any, *, entry: str) -> None:
    for key in keys[:-1]:
        inner = values.get(key) or {}
        if not isinstance(inner, Mapping):
            raise UsageError(f"--set {entry!r}: {key!r} is {inner!r}, which has no keys")
        values[key] = values = dict(inner)
    values[keys[-1]] = value


def _shortened(entry: str) -> str:
    return entry if len(entry) <= _SHOWN_CHARACTERS else f"{entry[:_SHOWN_CHARACTERS]}..."

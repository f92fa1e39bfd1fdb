"""Single settings from the command line, such as ``training.epochs=3``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastdata.config.reading import parse_value
from fastdata.errors import UsageError

__all__ = ["with_overrides"]


def with_overrides(values: Mapping[str, Any], given: Sequence[str]) -> dict[str, Any]:
    """The values with some of them replaced.

    Args:
        values: What the file says.
        given: ``key.key=value`` each, the value as in YAML.

    Raises:
        UsageError: One is not of that form, or leads through something that is no mapping.
    """
    changed: dict[str, Any] = dict(values)
    for entry in given:
        path, sign, text = entry.partition("=")
        keys = path.split(".")
        if not sign or not all(keys):
            raise UsageError(f"--set {entry!r}; expected key=value, such as training.epochs=3")
        place = changed
        for key in keys[:-1]:
            inner = place.get(key) or {}
            if not isinstance(inner, Mapping):
                raise UsageError(f"--set {entry!r}: {key!r} is {inner!r}, which has no keys")
            place[key] = place = dict(inner)
        place[keys[-1]] = parse_value(text, name=f"--set {path}")
    return changed

"""Changes values in a YAML text, and leaves everything else in it as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from fastdata.tuning.suggest.rules import Change

__all__ = ["edited"]


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    text: str


def edited(text: str, changes: Sequence[Change]) -> str:
    """The text with the changes in it, each below a comment that says why.

    Args:
        text: A YAML mapping, as `fastdata.config.read_document` reads it.
        changes: Of settings two levels deep.
    """
    if not changes:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    edits: list[_Edit] = []
    missing: dict[str, list[Change]] = {}
    for change in changes:
        section, _, key = change.key.partition(".")
        node = _child(root, section)
        if isinstance(node, yaml.MappingNode) and node.value:
            edits += _in_mapping(text, node, key, change)
        else:
            missing.setdefault(section, []).append(change)
    for section, wanted in missing.items():
        edits += _new_section(text, root, section, wanted)
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text.replace("\n", newline) + text[edit.end :]
    return text


def _child(node: Any, name: str) -> Any:
    return next((value for key, value in node.value if key.value == name), None)


def _in_mapping(text: str, node: Any, key: str, change: Change) -> Iterator[_Edit]:
    """Replaces the value of a key, or adds the key before the first one."""
    value = _child(node, key)
    if value is not None:
        start, end = value.start_mark.index, value.end_mark.index
        # A key without a value: nothing is there to be replaced, not even a space.
        gap = "" if end > start or text[start - 1 : start].isspace() else " "
        yield _Edit(start, end, gap + _scalar(change.new))
        yield _comment(text, start, change)
        return
    first = node.value[0][0].start_mark
    if node.flow_style:
        yield _Edit(first.index, first.index, f"{key}: {_scalar(change.new)}, ")
        yield _comment(text, first.index, change)
    else:
        indent = " " * first.column
        added = f"{_reason(change)}\n{indent}{key}: {_scalar(change.new)}\n{indent}"
        yield _Edit(first.index, first.index, added)


def _comment(text: str, index: int, change: Change) -> _Edit:
    """A line above the one that holds the index, as far to the right as that."""
    start = text.rfind("\n", 0, index) + 1
    line = text[start:index]
    indent = line[: len(line) - len(line.lstrip())]
    return _Edit(start, start, f"{indent}{_reason(change)}\n")


def _new_section(text: str, root: Any, section: str, wanted: Sequence[Change]) -> Iterator[_Edit]:
    settings = {change.key.partition(".")[2]: change.new for change in wanted}
    node = _child(root, section)
    if node is None and not root.flow_style:
        lines = "".join(
            f"  {_reason(change)}\n  {change.key.partition('.')[2]}: {_scalar(change.new)}\n"
            for change in wanted
        )
        end = len(text.rstrip())
        yield _Edit(end, len(text), f"\n{section}:\n{lines}")
        return
    flow = _flow(settings)
    if node is None:
        first = root.value[0][0].start_mark.index
        yield _Edit(first, first, f"{section}: {flow}, ")
    else:  # empty, as in "training: {}" and "training:"
        start, end = node.start_mark.index, node.end_mark.index
        yield _Edit(start, end, flow if text[start - 1 : start].isspace() else f" {flow}")
        first = start
    for change in wanted:
        yield _comment(text, first, change)


def _reason(change: Change) -> str:
    return (
        f"# {change.key}: {_scalar(change.new)} instead of {_scalar(change.old)}: {change.reason}"
    )


def _flow(settings: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in settings.items()) + "}"


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

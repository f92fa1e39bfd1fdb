"""Matches files of two folders by stem: a mask to its image, a blurred image to its sharp one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence

from fastdata.converters.paths import display

__all__ = ["match_stems"]

# What tools append to the stem of an image to name its mask, its label or its low-quality version.
_SUFFIX = re.compile(
    r"([_-](masks?|labels?|labelids|seg|segmentation|gt|l|lr|lq|hr|hq)|_?x[1-9])$", re.IGNORECASE
)


def match_stems(
    files: Sequence[str], others: Sequence[str], partner: str
) -> tuple[list[tuple[str, str | None]], list[str]]:
    """Finds each file's partner: of the same stem, else the same but for case, else for a suffix.

    Args:
        files: Paths below one folder.
        others: Paths below the other folder.
        partner: What a partner is called in messages.

    Returns:
        For each file its partner and the fault if it has none, several, or one that is not its own;
        and the partners that nobody asked for.
    """
    found: dict[str, list[str]] = {}
    left = list(others)
    for key in (_stem, _folded, _bare):
        groups = _group(left, key)
        for name in files:
            if name not in found and (group := groups.get(key(name))):
                found[name] = group
        used = {path for group in found.values() for path in group}
        left = [path for path in left if path not in used]
    owners = _owners(found)
    return [_partner(name, found.get(name, []), owners, partner) for name in files], left


def _partner(
    name: str, found: list[str], owners: dict[str, list[str]], partner: str
) -> tuple[str, str | None]:
    if not found:
        fault = f"has no {partner}; expected one named {display(_stem(name))}.png"
    elif len(found) > 1:
        shown = " and ".join(display(path) for path in found[:2])
        fault = f"has {len(found)} {partner}s, {shown}; keep one of them"
    elif len(owners[found[0]]) > 1:
        other = next(path for path in owners[found[0]] if path != name)
        fault = (
            f"shares the {partner} {display(found[0])} with {display(other)}; rename one of them"
        )
    else:
        return found[0], None
    return "", f"{display(name)}: {fault}"


def _owners(found: dict[str, list[str]]) -> dict[str, list[str]]:
    owners: dict[str, list[str]] = {}
    for name, group in found.items():
        for path in group:
            owners.setdefault(path, []).append(name)
    return owners


def _group(paths: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(key(path), []).append(path)
    return groups


def _stem(path: str) -> str:
    return os.path.splitext(path)[0]


def _folded(path: str) -> str:
    return _stem(path).casefold()


def _bare(path: str) -> str:
    return _SUFFIX.sub("", _folded(path))

"""Lines of styled text that keep to a width, also with names of wide characters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from fastdata.wording import printable

__all__ = ["Line", "Span", "bar", "shorten", "wrap"]


@dataclass(frozen=True)
class Span:
    """Text in one style.

    Attributes:
        text: On one line, without control characters.
        style: As rich names it; empty for plain.
    """

    text: str
    style: str = ""


_LEAST_SEEN = 0.01

Line = tuple[Span, ...]


def wrap(text: str, width: int) -> Iterator[str]:
    """The words of `text` on lines of at most `width` cells; longer words are broken."""
    line = ""
    for word in printable(text).split(" "):
        if line and cell_len(line) + 1 + cell_len(word) <= width:
            line = f"{line} {word}"
            continue
        if line:
            yield line
        *whole, line = chop_cells(word, width) or [""]
        yield from whole
    if line:
        yield line


def shorten(text: str, width: int, *, ascii_only: bool, is_path: bool = False) -> str:
    """`text` in exactly `width` cells, filled with spaces.

    Args:
        text: On one line.
        width: At least 4.
        ascii_only: Whether what was cut is marked by three dots instead of an ellipsis.
        is_path: Cut the beginning, since two paths differ at their ends.
    """
    missing = cell_len(text) - width
    if missing > 0:
        dots = "..." if ascii_only else "…"
        room = width - len(dots)
        if is_path:
            text = dots + chop_cells(text[::-1], room)[0][::-1]
        else:
            text = chop_cells(text, room)[0] + dots
    return text + " " * (width - cell_len(text))


def bar(share: float, width: int, *, ascii_only: bool) -> str:
    """A bar of at most `width` cells; from 1 % on, something of it is seen."""
    cells = min(max(share, 0.0), 1.0) * width
    if ascii_only:
        return "#" * max(round(cells), int(share >= _LEAST_SEEN))
    whole = int(cells)
    is_seen = cells - whole >= 0.5 or (whole == 0 and share >= _LEAST_SEEN)
    return "█" * whole + ("▌" if is_seen else "")

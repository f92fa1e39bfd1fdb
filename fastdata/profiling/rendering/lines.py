"""Lines of styled text that keep to a width, also with names of wide characters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from fastdata.wording import printable

__all__ = ["INDENT", "NAME", "Line", "Paper", "Span", "bar", "row", "shorten", "wrap"]

INDENT = "  "
NAME = 22
"""Cells of a row's name: "copy to the device", and the longest usual names of operations."""

_LEAST_SEEN = 0.01


@dataclass(frozen=True)
class Span:
    """Text in one style.

    Attributes:
        text: On one line, without control characters.
        style: As rich names it; empty for plain.
    """

    text: str
    style: str = ""


Line = tuple[Span, ...]


@dataclass(frozen=True)
class Paper:
    """What lines are written on.

    Attributes:
        columns: Cells of a line.
        ascii_only: Whether its encoding has no blocks and rules.
    """

    columns: int
    ascii_only: bool


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


def row(
    name: str,
    seconds: float,
    *,
    share: float,
    style: str,
    paper: Paper,
    note: str = "",
    is_sum: bool = False,
) -> Line:
    """A name, its time and share, and a bar of the share.

    Args:
        name: Of anything; it is shortened.
        seconds: How long.
        share: 0..1.
        style: Of the bar.
        paper: For it all.
        note: Between the figures and the bar.
        is_sum: Whether it is the last of the rows, which they add up to.
    """
    label = shorten(printable(name), NAME, ascii_only=paper.ascii_only)
    figures = f"{seconds * 1e3:11,.2f} ms {share:7.1%}{note}"
    width = paper.columns - len(INDENT) - NAME - len(figures) - 3
    drawn = "" if is_sum else bar(share, width, ascii_only=paper.ascii_only)
    return (
        Span(INDENT), Span(label, "bold" if is_sum else ""),
        Span(figures, "bold" if is_sum else ""), Span(f"  {drawn}".rstrip(), style),
    )  # fmt: skip

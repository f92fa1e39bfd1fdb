"""Names, sizes and times as people read them, wherever they are shown."""

from __future__ import annotations

import unicodedata

__all__ = ["human_bytes", "human_duration", "human_seconds", "printable"]

# Zero-width joiners hold emoji and some scripts together, and cannot reorder a line.
JOINERS = "\u200c\u200d"


def printable(text: str) -> str:
    """`text` on one line, with control and direction characters escaped.

    A file name may hold a newline or an escape sequence that would rewrite the terminal.
    """
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    # Cc: control; Cf: format (bidirectional overrides); Zl, Zp: line and paragraph separators.
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"}
    if not hidden or character in JOINERS:
        return character
    return character.encode("unicode_escape").decode("ascii")


def human_bytes(count: float) -> str:
    """A size for people, in powers of 1,000: ``1.3 GB``."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(count) < 999.5 or unit == "TB":
            break
        count /= 1000
    return f"{count:,.0f} {unit}" if unit == "B" or count >= 100 else f"{count:,.1f} {unit}"


def human_seconds(seconds: float) -> str:
    """A duration for people: ``0.8 s``, ``2 min 05 s``, ``3 h 20 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def human_duration(seconds: float) -> str:
    """A short duration in three digits or so: ``0.41 ms``, ``41.2 ms``, ``1.32 s``."""
    if abs(seconds) >= 59.95:
        return human_seconds(seconds)
    if abs(seconds) >= 0.9995:
        return f"{seconds:.2f} s" if abs(seconds) < 9.995 else f"{seconds:.1f} s"
    milliseconds = seconds * 1e3
    decimals = 2 if abs(milliseconds) < 9.995 else 1 if abs(milliseconds) < 99.95 else 0
    return f"{milliseconds:.{decimals}f} ms"

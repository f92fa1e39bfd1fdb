"""Axes: round numbers along them, and what they say."""

from __future__ import annotations

import math

__all__ = ["along", "ticks", "upwards"]

_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


def ticks(most: float, *, about: int) -> list[float]:
    """Round numbers from 0 up to `most`, some `about` of them.

    Args:
        most: End of the axis, above 0.
        about: Intervals wished for.
    """
    raw = most / about
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in _ROUND if size * factor >= raw * 0.999)
    return [step * number for number in range(math.floor(most / step * 1.000_001) + 1)]


def upwards(most: float, *, unit: str, about: int) -> str:
    """Labels of a vertical axis, as HTML beside the chart."""
    marks = ticks(most, about=about)
    last = len(marks) - 1
    spans = "".join(
        f'<span style="--at:{mark / most:.4f}">{mark:g}{f" {unit}" if number == last else ""}'
        "</span>"
        for number, mark in enumerate(marks)
    )
    return f'<div class="axis up">{spans}</div>'


def along(labels: list[tuple[float, str]]) -> str:
    """Labels of a horizontal axis.

    Args:
        labels: Where, in 0..1, and what; text that needs no escaping.
    """
    spans = "".join(f'<span style="--at:{at:.4f}">{text}</span>' for at, text in labels)
    return f'<div class="axis along">{spans}</div>'

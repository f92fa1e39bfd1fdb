"""Curves over time as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Curve", "Plot", "draw", "round_top"]

WIDTH, HEIGHT = 460, 170
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 8, 22
# So many columns of pixels; each shows the mean of its samples, and the range as a band.
STEPS = 400
TICK_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
MOST_TICKS = 6


@dataclass(frozen=True)
class Curve:
    """One line.

    Attributes:
        values: One a row; NaN leaves a gap.
        colour: A CSS colour.
    """

    values: tuple[float, ...]
    colour: str


@dataclass(frozen=True)
class Plot:
    """Curves over one time axis.

    Attributes:
        seconds: End of each row.
        curves: The last one is drawn on top.
        top: Value of the upper edge; the lower one is 0.
        told: Makes the text of a value beside the axis.
        mark: Value of a dashed line, or None.
        mark_label: What it stands for.
    """

    seconds: tuple[float, ...]
    curves: tuple[Curve, ...]
    top: float
    told: Callable[[float], str]
    mark: float | None = None
    mark_label: str = ""


def round_top(value: float) -> float:
    """The next of 1, 2, 2.5, 4, 5, 8 times a power of ten: a scale whose half is round as well."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 4, 5, 8, 10) if step * power >= value * 0.999)


def draw(plot: Plot) -> str:
    """The plot as an SVG element, coloured by the page's style."""
    end = plot.seconds[-1] if plot.seconds else 1.0
    parts = [_level(plot, share * plot.top) for share in (0.0, 0.5, 1.0)]
    parts += _time_axis(end)
    parts += [_curve(plot, curve, end) for curve in plot.curves]
    if plot.mark is not None:
        parts.append(_mark(plot, plot.mark))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="curves over time">'
        f"{''.join(parts)}</svg>"
    )


def _x(seconds: float, end: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * seconds / end


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value / top, 1.04)


def _level(plot: Plot, value: float) -> str:
    y = _y(value, plot.top)
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{plot.told(value)}</text>'
    )


def _mark(plot: Plot, value: float) -> str:
    y = _y(value, plot.top)
    return (
        f'<line class="mark" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{WIDTH - RIGHT - 2}" y="{y - 4 if y > 24 else y + 13:.1f}" text-anchor="end">'
        f"{plot.mark_label}</text>"
    )


def _time_axis(end: float) -> list[str]:
    longest = TICK_SECONDS[-1] * math.ceil(end / MOST_TICKS / TICK_SECONDS[-1])
    step = next((tick for tick in TICK_SECONDS if end / tick <= MOST_TICKS), longest)
    return [_tick(at * step, end) for at in range(int(end / step) + 1)]


def _tick(seconds: float, end: float) -> str:
    x = _x(seconds, end)
    # A text centred at the edge would be cut.
    anchor = "end" if x > WIDTH - RIGHT - 20 else "middle"
    x = min(x, WIDTH - RIGHT - 2.0) if anchor == "end" else x
    return f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{_clock(seconds)}</text>'


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d} h" if minutes else f"{hours} h"


def _curve(plot: Plot, curve: Curve, end: float) -> str:
    band, line = [], []
    size = max(1, math.ceil(len(curve.values) / STEPS))
    is_new = True
    for at in range(0, len(curve.values), size):
        known = [value for value in curve.values[at : at + size] if not math.isnan(value)]
        if not known:
            is_new = True
            continue
        x = _x(plot.seconds[min(at + size, len(plot.seconds)) - 1], end)
        line.append(f"{'M' if is_new else 'L'}{x:.1f} {_y(sum(known) / len(known), plot.top):.1f}")
        is_new = False
        if size > 1:
            low, high = _y(min(known), plot.top), _y(max(known), plot.top)
            band.append(f"M{x:.1f} {low:.1f}V{high:.1f}")
    stroke = f'style="stroke:{curve.colour}"'
    return (
        f'<path class="curve band" d="{"".join(band)}" {stroke}/>' * bool(band)
        + f'<path class="curve" d="{"".join(line)}{_dot(line)}" {stroke} stroke-linecap="round"/>'
    )


def _dot(line: Sequence[str]) -> str:
    """Makes a single point visible."""
    return "h0.1" if len(line) == 1 else ""

"""All steps of a run, one column each or a few, stacked by rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastdata.profiling.record import ROWS, Timeline
from fastdata.profiling.record.labels import ROW_LABELS, shown_rows
from fastdata.profiling.rendering.html.columns import Column, columns
from fastdata.profiling.rendering.html.scales import along, ticks, upwards
from fastdata.wording import human_duration

__all__ = ["timeline_section"]

_WIDTH, _HEIGHT = 1000.0, 240.0
_HIDDEN_HEIGHT = 40.0
# A first batch takes many times a step; the scale is for the others, and such a column is cut.
_USUAL = 0.98
_ROOM = 1.15


def timeline_section(timeline: Timeline) -> str:
    """The section; empty for a run without steps."""
    shown = columns(timeline)
    most = _scale(shown)
    if not most:
        return ""
    hidden = _hidden(shown) if any(column.hidden > 0 for column in shown) else ""
    return (
        f'<section><h2>All steps</h2><p class="quiet">{_caption(timeline, shown)}</p>'
        f'<div class="plot" style="--height:{_HEIGHT:.0f}px">'
        f"{upwards(most * 1e3, unit='ms', about=5)}"
        f'<svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="time of each step">{_grid(most)}{_shades(shown)}{_stack(shown, most)}'
        f"{_epochs(shown)}{_cuts(shown, most)}{_picks(shown, timeline)}</svg>"
        f"{along(_numbers(timeline))}</div>{hidden}"
        f"{_legend(timeline, hidden=bool(hidden))}</section>"
    )


def _scale(shown: Sequence[Column]) -> float:
    """Seconds at the upper edge of the chart."""
    heights = [column.seconds for column in shown if "steady" in column.kinds]
    heights = heights or [column.seconds for column in shown]
    if not heights:
        return 0.0
    heights.sort()
    usual = heights[int(_USUAL * (len(heights) - 1))]
    return min(heights[-1] * 1.06, usual * _ROOM)


def _caption(timeline: Timeline, shown: Sequence[Column]) -> str:
    size = max(column.count for column in shown) * timeline.stride
    column = "a step" if size == 1 else f"the mean of {size} steps"
    if timeline.stride > 1:
        column = f"{column}, of which each {timeline.stride}th was kept"
    return (
        f"each column is {column}; grey ground: warm-up, and dashed: the first step of an epoch, "
        "which count for themselves; ▲ is higher than the chart"
    )


def _places(shown: Sequence[Column]) -> list[tuple[float, float]]:
    """Left edge and width of each column; each step is as wide as any other."""
    each = _WIDTH / (shown[-1].first + shown[-1].count)
    return [(column.first * each, column.count * each) for column in shown]


def _grid(most: float) -> str:
    lines = ""
    for mark in ticks(most * 1e3, about=5):
        y = _HEIGHT * (1 - mark / 1e3 / most)
        lines += f'<line x1="0" x2="{_WIDTH:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return lines


def _shades(shown: Sequence[Column]) -> str:
    path = "".join(
        f"M{x:.2f} 0h{width:.2f}v{_HEIGHT:.0f}h-{width:.2f}z"
        for (x, width), column in zip(_places(shown), shown, strict=True)
        if "steady" not in column.kinds
    )
    return f'<path class="shade" d="{path}"/>'


def _stack(shown: Sequence[Column], most: float) -> str:
    gap = 0.12 * _WIDTH / len(shown) if len(shown) <= 120 else 0.0
    paths: dict[str, list[str]] = {name: [] for name in ROWS}
    for (x, width), column in zip(_places(shown), shown, strict=True):
        # What waits for data stands on top, where its height is seen against the even rest.
        bottom = 0.0
        for name in reversed(ROWS):
            top = min(bottom + column.rows[name] / most, 1.0)
            if top > bottom:
                height = (top - bottom) * _HEIGHT
                paths[name].append(
                    f"M{x + gap / 2:.2f} {(1 - top) * _HEIGHT:.2f}"
                    f"h{width - gap:.2f}v{height:.2f}h-{width - gap:.2f}z"
                )
            bottom = top
    return "".join(
        f'<path style="--c:var(--{name})" d="{"".join(parts)}"/>' for name, parts in paths.items()
    )


def _epochs(shown: Sequence[Column]) -> str:
    """A line where an epoch begins, in front of what fills its column."""
    return "".join(
        f'<line class="epoch" x1="{x:.2f}" x2="{x:.2f}" y2="{_HEIGHT:.0f}"/>'
        for (x, _), column in zip(_places(shown), shown, strict=True)
        if "epoch start" in column.kinds
    )


def _cuts(shown: Sequence[Column], most: float) -> str:
    return "".join(
        f'<path class="cut" d="M{x + width / 2 - 4:.2f} 7l4 -7l4 7z"/>'
        for (x, width), column in zip(_places(shown), shown, strict=True)
        if column.seconds > most
    )


def _picks(shown: Sequence[Column], timeline: Timeline) -> str:
    """What a pointer is told of each column."""
    parts = []
    for (x, width), column in zip(_places(shown), shown, strict=True):
        first = column.first * timeline.stride
        last = (column.first + column.count) * timeline.stride - 1
        name = f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"
        rows = ", ".join(
            f"{ROW_LABELS[row]} {human_duration(seconds)}" for row, seconds in column.rows.items()
        )
        kind = ", ".join(sorted(column.kinds))
        parts.append(
            f'<rect class="pick" x="{x:.2f}" width="{width:.2f}" height="{_HEIGHT:.0f}">'
            f"<title>{name} ({kind}): {human_duration(column.seconds)}\n{rows}</title></rect>"
        )
    return "".join(parts)


def _numbers(timeline: Timeline) -> list[tuple[float, str]]:
    count = len(timeline.start_seconds)
    labels = [
        (mark / count, f"{mark * timeline.stride:,.0f}")
        for mark in ticks(count, about=8)
        if mark == int(mark) and mark < 0.95 * count
    ]
    return [*labels, (1.0, "step")]


def _hidden(shown: Sequence[Column]) -> str:
    most = max(column.hidden for column in shown)
    heights = [column.hidden / most * _HIDDEN_HEIGHT for column in shown]
    path = "".join(
        f"M{x:.2f} {_HIDDEN_HEIGHT:.0f}v-{height:.2f}h{width:.2f}v{height:.2f}z"
        for (x, width), height in zip(_places(shown), heights, strict=True)
        if height > 0
    )
    return (
        f'<div class="plot" style="--height:{_HIDDEN_HEIGHT:.0f}px;margin-top:8px">'
        f'{upwards(most * 1e3, unit="ms", about=2)}<svg viewBox="0 0 {_WIDTH:.0f} '
        f'{_HIDDEN_HEIGHT:.0f}" preserveAspectRatio="none" role="img" aria-label="hidden wait">'
        f'<path style="--c:var(--hidden)" d="{path}"/></svg></div>'
    )


def _legend(timeline: Timeline, *, hidden: bool) -> str:
    sums = {name: math.fsum(column) for name, column in timeline.rows.items()}
    keys = [(name, ROW_LABELS[name]) for name in shown_rows(sums)]
    if hidden:
        keys.append(("hidden", "below: hidden wait, which the GPU's work covered"))
    items = "".join(
        f'<span><i class="key" style="--c:var(--{name})"></i>{label}</span>' for name, label in keys
    )
    return f'<div class="legend">{items}</div>'

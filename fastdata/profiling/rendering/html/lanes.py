"""The workers over time, each as a lane of stages."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastdata.profiling.record import STAGES, Stretch, WorkerLane
from fastdata.profiling.record.labels import STAGE_LABELS
from fastdata.profiling.rendering.html.scales import along, ticks
from fastdata.webpage import escape

__all__ = ["lane_section"]

_WIDTH = 1000.0
_MOST_LANES = 64


def lane_section(lanes: Sequence[WorkerLane]) -> str:
    """The section; empty where no worker was seen."""
    shown = lanes[:_MOST_LANES]
    every = [stretch for lane in shown for stretch in lane.stretches]
    if not every:
        return ""
    first = min(one.start_seconds for one in every)
    span = max(max(one.start_seconds + one.seconds for one in every) - first, 1e-9)
    height = max(14, min(54, 420 // len(shown)))
    rows = "".join(_lane(lane, first, span, height) for lane in shown)
    left_out = (
        "" if len(shown) == len(lanes) else f"; {len(shown)} of {len(lanes)} workers are drawn"
    )
    return (
        '<section><h2>Workers over time</h2><p class="quiet">how each worker\'s time was '
        f"divided; what is blank, it waited{left_out}</p>"
        f'<div class="lanes" style="--height:{height}px"><span></span><span></span>'
        '<span class="number head">batches</span><span class="number head">busy</span>'
        f"{rows}{along(_times(first, span))}</div>{_legend(every)}</section>"
    )


def _lane(lane: WorkerLane, first: float, span: float, height: float) -> str:
    paths: dict[str, list[str]] = {name: [] for name in STAGES}
    for stretch in lane.stretches:
        x = (stretch.start_seconds - first) / span * _WIDTH
        width = stretch.seconds / span * _WIDTH
        top = height
        for name in STAGES:
            high = stretch.shares.get(name, 0.0) * height
            if high > 0:
                top -= high
                paths[name].append(f"M{x:.2f} {top:.2f}h{width:.2f}v{high:.2f}h-{width:.2f}z")
    shapes = "".join(
        f'<path style="--c:var(--{name})" d="{"".join(parts)}"/>'
        for name, parts in paths.items()
        if parts
    )
    busy = lane.busy_seconds / lane.wall_seconds if lane.wall_seconds > 0 else None
    name = escape(lane.name)
    return (
        f'<b title="{name}, {lane.kind}, pid {lane.pid}">{name}</b>'
        f'<svg viewBox="0 0 {_WIDTH:.0f} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{name}">{shapes}</svg><span class="number">{lane.batches:,}</span>'
        f'<span class="number">{"-" if busy is None else f"{min(busy, 1.0):.0%}"}</span>'
    )


def _times(first: float, span: float) -> list[tuple[float, str]]:
    size = ticks(span, about=6)[1]
    marks = [size * number for number in range(math.ceil(first / size), int(first / size) + 9)]
    shown = [((mark - first) / span, f"{mark:g}") for mark in marks]
    return [*(mark for mark in shown if mark[0] < 0.94), (1.0, "seconds")]


def _legend(stretches: Sequence[Stretch]) -> str:
    seen = {name for stretch in stretches for name in stretch.shares}
    items = "".join(
        f'<span><i class="key" style="--c:var(--{name})"></i>{STAGE_LABELS[name]}</span>'
        for name in STAGES
        if name in seen
    )
    return f'<div class="legend" style="margin-left:0">{items}</div>'

"""The workers over time, each as a lane of stages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fastdata.profiling.record import STAGES, WorkerLane
from fastdata.profiling.record.labels import STAGE_LABELS
from fastdata.profiling.rendering.html.scales import along, ticks
from fastdata.webpage import escape

__all__ = ["Slot", "lane_section", "slots"]

_WIDTH = 1000.0
_MOST_SLOTS = 160
_MOST_LANES = 64
# Two stages of one batch touch; what lies further apart than a clock's rounding are two batches.
_TOUCHING = 1e-6


@dataclass(frozen=True)
class Slot:
    """A stretch of a worker's time, from one of its drawn batches to the next.

    Attributes:
        start_seconds: Of its batch.
        seconds: To the next one.
        shares: Of these, by stage; what they leave of 1 is waiting.
    """

    start_seconds: float
    seconds: float
    shares: dict[str, float]


def slots(lane: WorkerLane) -> list[Slot]:
    """A lane's time in stretches.

    Where only some batches were kept, each stands for as many as came up to the next one, so that
    what was not kept is not drawn as waiting.
    """
    kept = _batches(lane)
    batches = kept[:: math.ceil(len(kept) / _MOST_SLOTS) or 1]
    behind = max(1.0, lane.batches / len(batches)) if batches else 1.0
    made = []
    for at, (start, stages) in enumerate(batches):
        busy = math.fsum(stages.values()) * behind
        following = batches[at + 1][0] - start if at + 1 < len(batches) else busy
        seconds = max(following, 1e-9)
        scale = behind / max(seconds, busy)
        shares = {name: own * scale for name, own in stages.items()}
        made.append(Slot(start_seconds=start, seconds=seconds, shares=shares))
    return made


def _batches(lane: WorkerLane) -> list[tuple[float, dict[str, float]]]:
    """Start and stages of each kept batch."""
    batches: list[tuple[float, dict[str, float]]] = []
    end, last = -math.inf, len(STAGES)
    for segment in sorted(lane.segments, key=lambda one: one.start_seconds):
        place = STAGES.index(segment.stage)
        if place <= last or segment.start_seconds > end + _TOUCHING:
            batches.append((segment.start_seconds, {}))
        batches[-1][1][segment.stage] = max(0.0, segment.seconds)
        end, last = segment.start_seconds + segment.seconds, place
    return batches


def lane_section(lanes: Sequence[WorkerLane]) -> str:
    """The section; empty where no worker was seen."""
    shown = lanes[:_MOST_LANES]
    drawn = [(lane, slots(lane)) for lane in shown]
    ends = [found[-1].start_seconds + found[-1].seconds for _, found in drawn if found]
    if not ends:
        return ""
    first = min(found[0].start_seconds for _, found in drawn if found)
    span = max(max(ends) - first, 1e-9)
    height = max(14, min(54, 420 // len(shown)))
    rows = "".join(_lane(lane, found, first, span, height) for lane, found in drawn)
    left_out = (
        "" if len(shown) == len(lanes) else f"; {len(shown)} of {len(lanes)} workers are drawn"
    )
    return (
        '<section><h2>Workers over time</h2><p class="quiet">each column is how a worker\'s time '
        f"around one batch was divided; what is blank, it waited{left_out}</p>"
        f'<div class="lanes" style="--height:{height}px"><span></span><span></span>'
        '<span class="number head">batches</span><span class="number head">busy</span>'
        f"{rows}{along(_times(first, span))}</div>{_legend(drawn)}</section>"
    )


def _lane(lane: WorkerLane, found: Sequence[Slot], first: float, span: float, height: float) -> str:
    paths: dict[str, list[str]] = {name: [] for name in STAGES}
    for slot in found:
        x = (slot.start_seconds - first) / span * _WIDTH
        width = slot.seconds / span * _WIDTH
        top = height
        for name in STAGES:
            high = slot.shares.get(name, 0.0) * height
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


def _legend(drawn: Sequence[tuple[WorkerLane, Sequence[Slot]]]) -> str:
    seen = {name for _, found in drawn for slot in found for name in slot.shares}
    items = "".join(
        f'<span><i class="key" style="--c:var(--{name})"></i>{STAGE_LABELS[name]}</span>'
        for name in STAGES
        if name in seen
    )
    return f'<div class="legend" style="margin-left:0">{items}</div>'

"""What the workers' time goes into: stages, and the operations within them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fastdata.profiling.record import STAGES, Stage, Workers
from fastdata.profiling.record.labels import STAGE_LABELS, STAGE_MEANINGS
from fastdata.profiling.record.readings import reading_line
from fastdata.webpage import escape
from fastdata.wording import human_duration

__all__ = ["stage_section"]

# A narrower box holds no more than the beginning of a name; the table below has it whole.
_LEAST_LABELLED = 0.06


def stage_section(workers: Workers) -> str:
    """The section; empty where no stage was seen."""
    whole = sorted(
        (stage for stage in workers.stages if not stage.operation),
        key=lambda stage: STAGES.index(stage.name),
    )
    total = math.fsum(stage.total_seconds for stage in whole)
    if not total:
        return ""
    operations = [stage for stage in workers.stages if stage.operation]
    what = f"{human_duration(total)} of work on batches in {_number(len(workers.lanes), 'lane')}"
    beside = _sharing(whole) + _sampled(workers)
    reading = reading_line(workers)
    read = "" if reading is None else f'<p class="quiet">{escape(reading)}</p>'
    return (
        f'<section><h2>Inside the workers</h2><p class="quiet">{what}, by stage, and below it the '
        f"operations of a stage{beside}</p>{_flame(whole, operations, total)}"
        f"{read}{_table(whole, operations)}</section>"
    )


def _sharing(whole: Sequence[Stage]) -> str:
    shared = [stage for stage in whole if stage.threads > 1]
    if not shared:
        return ""
    names, threads = " and ".join(STAGE_LABELS[stage.name] for stage in shared), shared[0].threads
    return f"; {names} by {threads} threads, whose time is divided by {threads}"


def _sampled(workers: Workers) -> str:
    batches = sum(lane.batches for lane in workers.lanes)
    if workers.split_batches >= batches:
        return ""
    return f"; stages of {workers.split_batches:,} of {batches:,} batches, and the rest alike"


def _number(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def _flame(whole: Sequence[Stage], operations: Sequence[Stage], total: float) -> str:
    boxes = [_box("whole", "other", 0.0, 1.0, "all workers", total)]
    left = 0.0
    for stage in whole:
        width = stage.total_seconds / total
        boxes.append(
            _box("stage", stage.name, left, width, STAGE_LABELS[stage.name], stage.total_seconds)
        )
        boxes += _children(stage, operations, left, width)
        left += width
    height = 93 if operations else 62
    return f'<div class="flame" style="height:{height}px">{"".join(boxes)}</div>'


def _children(
    stage: Stage, operations: Sequence[Stage], left: float, width: float
) -> Iterator[str]:
    parts = [one for one in operations if one.name == stage.name]
    # Operations that contain one another may together take longer than their stage.
    whole = max(stage.total_seconds, math.fsum(part.total_seconds for part in parts))
    for part in parts:
        wide = width * part.total_seconds / whole if whole else 0.0
        yield _box("operation", stage.name, left, wide, part.operation, part.total_seconds)
        left += wide


def _box(kind: str, colour: str, left: float, width: float, name: str, seconds: float) -> str:
    text = escape(f"{name} {width:.0%}") if width >= _LEAST_LABELLED else ""
    title = escape(f"{name}: {human_duration(seconds)}, {width:.1%} of the workers' time")
    return (
        f'<div class="{kind} {colour}" style="--x:{left:.5f};--w:{width:.5f};--c:var(--{colour})" '
        f'title="{title}">{text}</div>'
    )


def _table(whole: Sequence[Stage], operations: Sequence[Stage]) -> str:
    lines = []
    for stage in whole:
        key = f'<i class="key" style="--c:var(--{stage.name})"></i>'
        name = f"<tr><th>{key}{STAGE_LABELS[stage.name]}"
        lines.append(f'{name}{_cells(stage)}<td class="quiet">{STAGE_MEANINGS[stage.name]}')
        lines += [
            f'<tr class="sub"><th>{escape(part.operation)}{_cells(part)}<td>'
            for part in operations
            if part.name == stage.name
        ]
    return (
        '<table class="narrow"><thead><tr><th>stage<th class="number">a sample'
        '<th class="number">a batch<th class="number">share<th class="number">if that were all'
        '<th class="number">times<th></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def _cells(stage: Stage) -> str:
    sample, ceiling = stage.seconds_per_sample, stage.samples_per_second
    texts = (
        "-" if sample is None else _sample_time(sample),
        f"{stage.seconds_per_batch * 1e3:,.2f} ms",
        f"{stage.share:.1%}",
        "" if stage.operation else "-" if ceiling is None else f"{ceiling:,.0f}/s",
        f"{stage.count:,}" if stage.count else "-",
    )
    return "".join(f'<td class="number">{text}' for text in texts)


def _sample_time(seconds: float) -> str:
    # What is gathered takes nanoseconds a sample.
    return f"{seconds * 1e3:,.3f} ms" if seconds >= 1e-5 else f"{seconds * 1e6:,.2f} µs"

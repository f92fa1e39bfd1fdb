"""A profile as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing open.

Lanes of the training process: its main thread with a slice a step and the step's rows within it, on
a GPU also the copies and what the GPU computed; and a lane for each worker with the stages of its
batches. How long each row of a step took is measured, and when the step began; within the step the
rows are drawn one after the other, in the order of `ROWS`.

Source: "Trace Event Format", Google, 2016, https://docs.google.com/document/d/
    1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU: JSON object format; phases X, M and C.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastdata.profiling.record import ROWS, Profile, Timeline, WorkerLane

__all__ = ["dump_trace", "trace_events"]

Event = dict[str, Any]

_TRAINING, _WORKERS = 1, 2
_MAIN, _COPY, _GPU = 1, 2, 3
_ON_GPU = ("forward", "backward", "optimizer")
# Whole nanoseconds, the viewer's own unit: in fractions of a microsecond, slices that touch would
# overlap by a rounding.
_NANOSECONDS = 1e9

# Together some 100,000 events, 12 MB: more than that a browser opens only with patience.
_MOST_STEPS = 5_000
_MOST_SEGMENTS = 40_000


def dump_trace(profile: Profile) -> str:
    """The trace as JSON, one event a line."""
    events = ",\n".join(json.dumps(event, allow_nan=False) for event in trace_events(profile))
    other = {
        "command": " ".join(profile.command),
        "started_at": profile.started_at,
        "verdict": profile.verdict.sentence,
        "steps": f"one of every {_stride(profile.timeline)}",
        "rows": "measured lengths, drawn one after the other within their step",
    }
    return (
        f'{{"displayTimeUnit": "ms",\n"otherData": {json.dumps(other)},\n'
        f'"traceEvents": [\n{events}\n]}}\n'
    )


def trace_events(profile: Profile) -> Iterator[Event]:
    """The events; those of one lane begin one after the other."""
    yield from _names(profile)
    yield from _steps(profile.timeline, on_gpu=profile.clock == "cuda")
    for number, lane in enumerate(profile.workers.lanes, 1):
        most = _MOST_SEGMENTS // len(profile.workers.lanes)
        yield from _segments(lane, number, most)


def _names(profile: Profile) -> Iterator[Event]:
    yield _metadata("process_name", _TRAINING, 0, name="training process")
    yield _metadata("process_sort_index", _TRAINING, 0, sort_index=0)
    yield _metadata("thread_name", _TRAINING, _MAIN, name="main")
    if profile.clock == "cuda":
        yield _metadata("thread_name", _TRAINING, _COPY, name="copy to the GPU")
        yield _metadata("thread_name", _TRAINING, _GPU, name="GPU")
    if profile.workers.lanes:
        yield _metadata("process_name", _WORKERS, 0, name="loader workers")
        yield _metadata("process_sort_index", _WORKERS, 0, sort_index=1)
    for number, lane in enumerate(profile.workers.lanes, 1):
        name = f"{lane.name} ({lane.kind}, pid {lane.pid})"
        yield _metadata("thread_name", _WORKERS, number, name=name)
        yield _metadata("thread_sort_index", _WORKERS, number, sort_index=number)


def _metadata(kind: str, pid: int, tid: int, **told: object) -> Event:
    return {"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": told}


def _stride(timeline: Timeline) -> int:
    return timeline.stride * _every(timeline)


def _every(timeline: Timeline) -> int:
    return -(-len(timeline.start_seconds) // _MOST_STEPS) or 1


def _steps(timeline: Timeline, *, on_gpu: bool) -> Iterator[Event]:
    free = 0
    for step in range(0, len(timeline.start_seconds), _every(timeline)):
        rows = {name: _length(timeline.rows[name][step]) for name in ROWS}
        start = max(free, _length(timeline.start_seconds[step]))
        free = start + sum(rows.values())
        yield _slice("step", _MAIN, start, free - start, kind=timeline.kinds[step])
        yield from _rows(rows, start, on_gpu=on_gpu)
        yield {
            "ph": "C", "name": "wait for data (ms)", "pid": _TRAINING, "tid": _MAIN,
            "ts": start / 1e3,
            "args": {"exposed": rows["exposed_data_wait"] / 1e6,
                     "hidden": timeline.hidden_wait[step] * 1e3},
        }  # fmt: skip


def _length(seconds: float) -> int:
    return max(0, round(seconds * _NANOSECONDS))


def _rows(rows: dict[str, int], start: int, *, on_gpu: bool) -> Iterator[Event]:
    for name, length in rows.items():
        if length:
            yield _slice(name, _MAIN, start, length)
            if on_gpu and name == "h2d":
                yield _slice(name, _COPY, start, length)
            if on_gpu and name in _ON_GPU:
                yield _slice(name, _GPU, start, length)
        start += length


def _segments(lane: WorkerLane, number: int, most: int) -> Iterator[Event]:
    free = 0
    for segment in sorted(lane.segments, key=lambda one: one.start_seconds)[:most]:
        start = max(free, _length(segment.start_seconds))
        free = start + _length(segment.seconds)
        yield _slice(segment.stage, number, start, free - start, pid=_WORKERS)


def _slice(
    name: str, tid: int, start: int, length: int, *, pid: int = _TRAINING, **told: object
) -> Event:
    """A slice.

    Args:
        name: What the viewer writes on it.
        tid: Its lane.
        start: In nanoseconds.
        length: The same.
        pid: Its group of lanes.
        told: What the viewer shows when it is chosen.
    """
    event: Event = {
        "ph": "X", "name": name, "cat": "step" if pid == _TRAINING else "worker",
        "pid": pid, "tid": tid, "ts": start / 1e3, "dur": length / 1e3,
    }  # fmt: skip
    return event | {"args": told} if told else event

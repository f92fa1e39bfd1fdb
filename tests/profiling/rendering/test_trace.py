"""A trace is what Perfetto reads: named lanes whose slices lie within one another, or apart."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from typing import Any

import pytest
from profiles import compute_bound, data_bound, incomplete

from fastdata.profiling import Profile
from fastdata.profiling.record import ROWS, Segment, Workers
from fastdata.profiling.rendering.trace import dump_trace

Lanes = dict[tuple[int, int], list[dict[str, Any]]]
PROFILES = [data_bound(), compute_bound(clock="cpu"), incomplete()]


def events_of(profile: Profile) -> list[dict[str, Any]]:
    trace = json.loads(dump_trace(profile))
    assert trace["displayTimeUnit"] == "ms"
    return trace["traceEvents"]


def lanes_of(profile: Profile) -> Lanes:
    lanes: Lanes = defaultdict(list)
    for event in events_of(profile):
        if event["ph"] == "X":
            lanes[event["pid"], event["tid"]].append(event)
    return lanes


def names_of(profile: Profile) -> dict[tuple[int, int], str]:
    return {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in events_of(profile)
        if event["ph"] == "M" and event["name"] == "thread_name"
    }


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.verdict.kind)
def test_every_lane_is_named_and_its_time_goes_forward(profile: Profile) -> None:
    names = names_of(profile)
    for lane, slices in lanes_of(profile).items():
        assert lane in names
        starts = [event["ts"] for event in slices]
        assert starts == sorted(starts)
        assert min(event["dur"] for event in slices) >= 0


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.verdict.kind)
def test_slices_of_a_lane_lie_within_one_another_or_apart(profile: Profile) -> None:
    for slices in lanes_of(profile).values():
        ends: list[float] = []
        for event in slices:
            end = event["ts"] + event["dur"]
            while ends and ends[-1] <= event["ts"] + 1e-4:
                ends.pop()
            assert not ends or end <= ends[-1] + 1e-4, event
            ends.append(end)


def test_there_are_lanes_for_main_copies_gpu_and_every_worker() -> None:
    assert list(names_of(data_bound()).values()) == [
        "main", "copy to the GPU", "GPU",
        "worker 0 (process, pid 4100)", "worker 1 (process, pid 4101)",
    ]  # fmt: skip
    assert "GPU" not in names_of(data_bound(clock="cpu")).values()


def test_the_rows_of_a_step_fill_it() -> None:
    profile = data_bound(steps=20)
    main = lanes_of(profile)[1, 1]
    steps = [event for event in main if event["name"] == "step"]
    assert len(steps) == len(profile.timeline.start_seconds)
    for step, event in enumerate(steps):
        assert event["ts"] == pytest.approx(profile.timeline.start_seconds[step] * 1e6)
        assert event["dur"] == pytest.approx(
            sum(profile.timeline.rows[name][step] for name in ROWS) * 1e6
        )
    drawn = sum(event["dur"] for event in main if event["name"] != "step")
    assert drawn == pytest.approx(sum(event["dur"] for event in steps))


def test_the_gpu_lane_holds_what_the_gpu_computed() -> None:
    profile = data_bound(steps=20)
    assert {event["name"] for event in lanes_of(profile)[1, 3]} == {
        "forward", "backward", "optimizer",
    }  # fmt: skip
    copied = sum(event["dur"] for event in lanes_of(profile)[1, 2])
    assert copied == pytest.approx(sum(profile.timeline.rows["h2d"]) * 1e6)


def test_stages_that_overlap_or_come_in_disorder_are_drawn_one_after_the_other() -> None:
    made = data_bound()
    segments = tuple(
        Segment(start_seconds=at, seconds=0.5, stage="decode") for at in (2.0, 1.0, 1.4)
    )
    lane = dataclasses.replace(made.workers.lanes[0], segments=segments)
    drawn = lanes_of(dataclasses.replace(made, workers=Workers(lanes=(lane,))))[2, 1]
    assert [(event["ts"], event["dur"]) for event in drawn] == [
        (1.0e6, 0.5e6), (1.5e6, 0.5e6), (2.0e6, 0.5e6),
    ]  # fmt: skip


def test_a_trace_stays_small_enough_to_be_opened() -> None:
    profile = data_bound(steps=30_000)
    lane = profile.workers.lanes[0]
    segments = tuple(
        Segment(start_seconds=float(at), seconds=0.5, stage="decode") for at in range(10_000)
    )
    workers = Workers(
        lanes=tuple(dataclasses.replace(lane, name=f"w{n}", segments=segments) for n in range(16))
    )
    text = dump_trace(dataclasses.replace(profile, workers=workers))
    assert len(text) < 16_000_000
    trace = json.loads(text)
    steps = [event for event in trace["traceEvents"] if event["name"] == "step"]
    assert 4_000 < len(steps) <= 5_000
    assert trace["otherData"]["steps"] == "one of every 7"


def test_names_are_data() -> None:
    profile = data_bound(command=("python", '</script>"\u2028.py'))
    trace = json.loads(dump_trace(profile))
    assert trace["otherData"]["command"] == 'python </script>"\u2028.py'

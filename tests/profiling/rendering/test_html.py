"""The report is one whole file whose charts add up, whatever the names in it and however long."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import pytest
from profiles import compute_bound, data_bound, incomplete
from webpages import Page

from fastdata.profiling import Profile
from fastdata.profiling.record import (
    ROWS,
    STAGES,
    Estimate,
    RankFigures,
    SlowSample,
    Stage,
    SyncSite,
    Verdict,
    WhatIf,
    Workers,
)
from fastdata.profiling.record.labels import ROW_LABELS, STAGE_LABELS
from fastdata.profiling.rendering.html import render
from fastdata.profiling.rendering.html.columns import columns

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&\u202e\udcff"


def with_workers(count: int, **changes: Any) -> Profile:
    made = data_bound()
    lane = made.workers.lanes[0]
    lanes = tuple(dataclasses.replace(lane, name=f"worker {n}") for n in range(count))
    return dataclasses.replace(
        made, workers=dataclasses.replace(made.workers, lanes=lanes, **changes)
    )


def evil() -> Profile:
    """Every text of a profile that somebody else chose, hostile."""
    made = with_workers(2)
    assert made.loader is not None
    slowest = (SlowSample(index=1, name=EVIL, seconds=0.1, worker=EVIL),)
    stages = (*made.workers.stages, dataclasses.replace(made.workers.stages[-1], operation=EVIL))
    lanes = tuple(dataclasses.replace(lane, name=EVIL) for lane in made.workers.lanes)
    return dataclasses.replace(
        made,
        command=("python", EVIL),
        started_at=EVIL,
        loader=dataclasses.replace(made.loader, kind=EVIL, dataset=EVIL, engine=EVIL),
        workers=dataclasses.replace(made.workers, slowest=slowest, stages=stages, lanes=lanes),
        syncs=(SyncSite(file=EVIL, line=1, call=EVIL, count=1, seconds=0.1),),
        what_if=tuple(dataclasses.replace(one, name=EVIL, how=EVIL) for one in made.what_if),
        verdict=Verdict(
            kind="data-bound", sentence=EVIL, next_command=EVIL, evidence=(EVIL,), missing=(EVIL,)
        ),
        machine=dataclasses.replace(made.machine, host=EVIL, platform=EVIL, device_name=EVIL),
        notes=(EVIL,),
    )


PROFILES = {
    "data-bound": data_bound(),
    "compute-bound": compute_bound(),
    "incomplete": incomplete(),
    "no workers": data_bound(workers=Workers()),
    "one worker": with_workers(1),
    "32 workers": with_workers(32),
    "one step": data_bound(steps=1),
    "evil": evil(),
    "ranks": data_bound(
        ranks=tuple(
            RankFigures(
                rank=rank, pid=7, steps=400, exposed_share=None, own_seconds=None,
                step_seconds=Estimate(median=0.1, low=0.1, high=0.1),
            )
            for rank in range(2)
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_page_is_well_formed_and_reaches_for_nothing(profile: Profile) -> None:
    text = render(profile)
    page = Page(text)
    assert not re.findall(r"https?:|//|@import|url\(", text)
    used = {name for name, _ in page.elements}
    assert not used & {"script", "link", "img", "iframe", "object", "base", "form"}
    handlers = [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert handlers == []
    policy = page.all("meta")[1]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert str(policy["content"]).startswith("default-src 'none'")


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_file_is_small_and_utf8(profile: Profile, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(render(profile), encoding="utf-8")
    assert path.stat().st_size < 1_000_000
    assert "\ufffd" not in path.read_text(encoding="utf-8")


def test_the_verdict_comes_first_and_names_the_next_command() -> None:
    words = " ".join(Page(render(data_bound())).words)
    order = [words.index(text) for text in (
        "43.2 % of each step is spent waiting", "fastdata convert photos/", "One step", "All steps",
        "What if", "Inside the workers", "Workers over time", "Slowest samples",
    )]  # fmt: skip
    assert order == sorted(order)


def test_hostile_names_are_shown_as_they_are() -> None:
    words = "".join(Page(render(evil())).words)
    assert words.count("<script>alert(1)</script>") >= 10


def test_the_rows_in_the_bar_and_in_the_table_add_up() -> None:
    text = render(data_bound())
    shares = [float(share) for share in re.findall(r"flex:([\d.]+) 0 0", text)]
    assert math.fsum(shares) == pytest.approx(1.0, abs=1e-4)
    table = re.search(r'<table class="rows">.*?</table>', text)
    assert table is not None
    times = [float(found) for found in re.findall(r"([\d.]+) ms", table[0])]
    assert len(times) == len(ROWS) + 1
    assert math.fsum(times[:-1]) == pytest.approx(times[-1], abs=0.04)


@pytest.mark.parametrize("steps", [1, 30, 239, 400, 5_000])
def test_the_columns_of_the_timeline_hold_all_steps(steps: int) -> None:
    timeline = data_bound(steps=steps).timeline
    shown = columns(timeline)
    assert sum(column.count for column in shown) == len(timeline.start_seconds)
    assert len(shown) <= 250
    for name in ROWS:
        drawn = math.fsum(column.count * column.rows[name] for column in shown)
        assert drawn == pytest.approx(math.fsum(timeline.rows[name]))


def test_the_drawn_heights_of_a_column_are_the_times_of_its_rows() -> None:
    timeline = data_bound(steps=20).timeline
    text = render(dataclasses.replace(data_bound(), timeline=timeline))
    drawn: dict[str, list[float]] = {}
    for name in ROWS:
        path = re.search(rf'<path style="--c:var\(--{name}\)" d="(M[^"]*)"', text)
        assert path is not None
        drawn[name] = [float(height) for height in re.findall(r"v([\d.]+)h", path[1])]
    at = timeline.kinds.index("steady")
    scale = drawn["backward"][at] / timeline.rows["backward"][at]
    for name in ROWS:
        assert drawn[name][at] == pytest.approx(timeline.rows[name][at] * scale, abs=0.02)


def test_a_step_that_begins_an_epoch_is_a_column_of_its_own() -> None:
    timeline = data_bound().timeline
    at = timeline.kinds.index("epoch start")
    (alone,) = [one for one in columns(timeline) if one.first <= at < one.first + one.count]
    assert alone.kinds == {"epoch start"}


def test_a_lane_draws_each_stage_as_wide_and_high_as_it_took() -> None:
    made = with_workers(1)
    text = render(made)
    lane = made.workers.lanes[0]
    span = lane.stretches[-1].start_seconds + lane.stretches[-1].seconds
    span -= lane.stretches[0].start_seconds
    for name in lane.stretches[0].shares:
        held = math.fsum(one.shares[name] * one.seconds for one in lane.stretches) / span
        (path,) = re.findall(rf'<path style="--c:var\(--{name}\)" d="(M[^"]*)"/>', lanes_of(text))
        areas = [float(w) * float(h) for w, h in re.findall(r"h([\d.]+)v([\d.]+)h", path)]
        assert math.fsum(areas) / (1000 * 54) == pytest.approx(held, rel=0.01)


def lanes_of(text: str) -> str:
    """The part of a page that draws workers over time."""
    return text[text.index("Workers over time") :].split("</section>")[0]


def test_a_page_of_many_workers_says_how_many_it_leaves_out() -> None:
    text = render(with_workers(200))
    assert text.count('aria-label="worker ') == 64
    assert "64 of 200 workers" in " ".join(Page(text).words)
    assert "workers are drawn" not in render(with_workers(64))


def test_operations_stand_within_their_stage() -> None:
    text = render(data_bound())
    stage = re.search(
        r'"stage transform" style="--x:([\d.]+);--w:([\d.]+);--c:var\(--transform\)', text
    )
    assert stage is not None
    left, width = map(float, stage.groups())
    operations = re.findall(r'"operation transform" style="--x:([\d.]+);--w:([\d.]+)', text)
    assert len(operations) == 3
    for x, wide in operations:
        assert left - 1e-4 <= float(x)
        assert float(x) + float(wide) <= left + width + 1e-4


def test_operations_that_contain_one_another_stay_within_their_stage() -> None:
    made = data_bound()
    inner = Stage(
        name="transform", operation="Compose", count=1, total_seconds=90.0,
        seconds_per_sample=None, seconds_per_batch=0.1, share=0.2,
    )  # fmt: skip
    stages = (*made.workers.stages, inner)
    text = render(
        dataclasses.replace(made, workers=dataclasses.replace(made.workers, stages=stages))
    )
    widths = [
        float(w) for w in re.findall(r'"operation transform" style="--x:[\d.]+;--w:([\d.]+)', text)
    ]
    assert math.fsum(widths) == pytest.approx(0.0202 / 0.0956, abs=1e-3)


def test_what_ifs_say_how_they_are_known() -> None:
    what_if = WhatIf(
        name="with a warm cache", kind="modelled", how="no reads",
        step_seconds=Estimate(median=0.08, low=0.07, high=0.2), now_seconds=0.1,
    )  # fmt: skip
    words = " ".join(Page(render(data_bound(what_if=(what_if,)))).words)
    for told in (
        "with a warm cache",
        "modelled",
        "no reads",
        "80.0 ms",
        "-20%",
        "70.0 ms to 200 ms",
    ):
        assert told in words


def test_what_was_not_seen_is_said() -> None:
    words = " ".join(Page(render(incomplete())).words)
    assert "no optimizer step was seen" in words
    assert "the command ended by signal 15" in words
    assert "One step" not in words
    cpu = " ".join(Page(render(data_bound(clock="cpu", workers=Workers()))).words)
    assert "nothing was seen inside the workers" in cpu
    assert "no GPU" in cpu


def test_every_row_and_stage_has_a_name_and_a_colour() -> None:
    assert set(ROW_LABELS) == set(ROWS)
    assert set(STAGE_LABELS) == set(STAGES)
    text = render(data_bound())
    for name in (*ROWS, *STAGES):
        # Once for light and once for dark.
        assert text.count(f"--{name}: #") == 2


def test_the_page_says_of_how_many_batches_the_stages_are() -> None:
    made = data_bound()
    batches = sum(lane.batches for lane in made.workers.lanes)

    def words(split: int) -> str:
        workers = dataclasses.replace(made.workers, split_batches=split)
        return " ".join(Page(render(data_bound(workers=workers))).words)

    assert f"stages of 36 of {batches:,} batches, and the rest alike" in words(36)
    assert "the rest alike" not in words(batches)

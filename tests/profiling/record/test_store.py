"""A report on the disk is the profile that was written, or an error that says what is wrong."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path

import pytest
from profiles import compute_bound, data_bound, incomplete

from fastdata.errors import InputError, StorageError
from fastdata.profiling import Profile, read_profile, write_profile
from fastdata.profiling.record.store import dump_profile, load_profile

PROFILES = [data_bound(), compute_bound(), incomplete()]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.verdict.kind)
def test_what_is_written_is_read(profile: Profile, tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    write_profile(profile, path)
    assert read_profile(path) == profile
    assert [entry.name for entry in path.parent.iterdir()] == ["report.json"]


def test_the_promised_names_stand_at_the_top() -> None:
    report = json.loads(dump_profile(data_bound()))
    assert {
        "schema_version", "steps", "step_seconds", "exposed_share", "hidden_share", "rows",
        "workers", "what_if", "verdict", "machine", "loader",
    } <= set(report)  # fmt: skip
    assert set(report["step_seconds"]) == {"median", "low", "high"}
    assert "residual" in report["rows"]
    assert {"kind", "sentence", "next_command"} <= set(report["verdict"])


def changed(**changes: object) -> str:
    return json.dumps(json.loads(dump_profile(data_bound())) | changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "has schema_version None"),
        (changed(schema_version=4), "has schema_version 4; this fastdata reads 3; profile again"),
        (changed(steps="400"), "steps: Input should be a valid integer"),
        (changed(exposed_share=float("nan")), "exposed_share: "),
        (changed(exposed_share=1.2), "exposed_share is 1.2; expected 0..1"),
        (changed(more=1), "more: Unexpected keyword argument"),
        (changed(rows={"forward": 0.1}), "rows ['forward']; expected"),
        (changed(wall_seconds=7.0), "rows add up to 0.0953 s, the step to 7.0 s"),
        (changed(step_seconds={"median": 1.0, "low": 1.0}), "step_seconds.high: "),
        (changed(verdict={"kind": "fine"}), "verdict.kind: Input should be 'data-bound'"),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        load_profile(text, name="a.json")


def test_a_number_that_is_none_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        dump_profile(dataclasses.replace(data_bound(), samples_per_step=math.nan))


def test_a_file_that_is_not_there_or_too_large_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"gone\.json"):
        read_profile(tmp_path / "gone.json")
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(InputError, match="68,157,440 bytes"):
        read_profile(large)


def test_the_rows_of_a_timeline_have_one_length() -> None:
    timeline = data_bound().timeline
    with pytest.raises(ValueError, match="expected one length"):
        dataclasses.replace(timeline, hidden_wait=timeline.hidden_wait[1:])

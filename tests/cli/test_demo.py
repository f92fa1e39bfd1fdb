"""The whole demo, with few images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commands import Ended, run

WORDS = ("--samples", "60", "--batch-size", "8", "--steps", "8")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Path]:
    out = tmp_path_factory.mktemp("demo") / "out"
    ended = run("demo", *WORDS, "--out", out, "--json")
    assert ended.code == 0, ended.err
    return ended, out


@pytest.fixture(scope="module")
def found(done: tuple[Ended, Path]) -> Any:
    return done[0].json


def test_all_ways_train_the_same_number_of_images(found: Any) -> None:
    assert [run["name"].split(",")[0] for run in found["runs"]] == ["files", "files", "pack"]
    assert {(run["steps"], run["batch_size"]) for run in found["runs"]} == {(8, 8)}


def test_times_add_up(found: Any) -> None:
    for way in found["runs"]:
        step = way["data_seconds"] + way["compute_seconds"]
        assert way["step_seconds"] == pytest.approx(step)
        assert way["images_per_second"] == pytest.approx(8 / step)
        assert way["data_share"] == pytest.approx(way["data_seconds"] / step)
    trained = sum(run["steps"] * run["step_seconds"] for run in found["runs"])
    rest = found["made_seconds"] + found["conversion"]["seconds"]
    assert trained + rest < found["total_seconds"]


def test_every_way_learns(found: Any) -> None:
    for way in found["runs"]:
        assert way["loss_last"] < way["loss_first"]


def test_it_leaves_a_dataset_a_pack_and_a_sheet(done: tuple[Ended, Path]) -> None:
    _, out = done
    assert sorted(path.name for path in out.iterdir()) == ["demo.lmdb", "files", "sheet.html"]
    assert len(list((out / "files" / "images").iterdir())) == 60
    assert run("verify", out / "demo.lmdb").code == 0
    text = (out / "sheet.html").read_text(encoding="utf-8")
    assert text.count("<article") == 36
    for word in ("meadow", "crate", "boundary"):
        assert word in text


def test_progress_goes_to_stderr(done: tuple[Ended, Path]) -> None:
    lines = done[0].lines
    for start in ("making images: 60/60", "converting: 60/60", "training from the pack: 8/8"):
        assert any(line.startswith(start) for line in lines)

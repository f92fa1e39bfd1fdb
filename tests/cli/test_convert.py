"""What `convert` and `verify` tell and return."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import run, run_on_terminal


def test_the_summary_says_what_was_found_and_what_to_do_next(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "photos.h5"
    done = run("convert", photos, out)
    assert done.code == 0, done.err
    lines = dict(line.split(maxsplit=1) for line in done.text.splitlines())
    assert lines["layout"].startswith("imagefolder: ")
    assert lines["packed"] == "7 of 7 samples"
    assert lines["next"] == f"fastdata inspect {out} --html sheet.html"
    assert done.lines[-1].startswith("converting: 7/7 samples")


def test_sizes_and_rates_are_those_of_this_run(photos: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.zeros((9, 2)))
    assert (
        "from" not in run("convert", tmp_path / "s.npy", tmp_path / "w.lmdb", "--window", "3").text
    )
    source = tmp_path / "photos"
    shutil.copytree(photos, source)
    good = (source / "dog/1.jpg").read_bytes()
    (source / "dog/1.jpg").write_bytes(b"")
    out = tmp_path / "photos.lmdb"
    assert run("convert", source, out, "--workers", "0").code == 3
    (source / "dog/1.jpg").write_bytes(good)
    resumed = run("convert", source, out, "--workers", "0", "--resume")
    assert "7 of 7 samples, 5 done before" in resumed.text
    assert "of files" not in resumed.text


def test_json_is_the_only_thing_on_stdout(photos: Path, tmp_path: Path) -> None:
    done = run("convert", photos, tmp_path / "photos.lmdb", "--json", "--limit", "3")
    assert done.json["count"] == 3
    assert done.json["layout"] == "imagefolder"


def test_every_option_reaches_the_conversion(scenes: Path, tmp_path: Path) -> None:
    out = tmp_path / "scenes.lmdb"
    words = "--layout segmentation --codec raw --channels 1 --resize exact:24x32 --workers 1"
    more = "--distance-maps boundary --truncate 9 --distance-dtype uint8 --classes 2"
    assert run("convert", scenes, out, *words.split(), *more.split()).code == 0
    fields = {field["name"]: field for field in run("inspect", out, "--json").json["fields"]}
    assert fields["image"]["sizes"]["median"] == [24, 32]
    assert fields["image"]["stored_bytes"] == 6 * 24 * 32
    assert fields["boundary"]["stored_bytes"] == 6 * 24 * 32
    assert "up to 9 px" in fields["boundary"]["details"]


def test_a_bad_file_stops_with_exit_code_3_or_is_listed(photos: Path, tmp_path: Path) -> None:
    source = tmp_path / "photos"
    shutil.copytree(photos, source)
    (source / "cat" / "bad.jpg").write_text("<html>", encoding="utf-8")
    out = tmp_path / "photos.lmdb"
    done = run("convert", source, out)
    assert done.code == 3
    assert "bad.jpg" in done.lines[-1]
    assert not out.exists()
    done = run("convert", source, out, "--on-bad", "skip", "--overwrite")
    assert done.code == 0, done.err
    rejects = tmp_path / "photos.lmdb.rejects.jsonl"
    assert f"1, listed in {rejects}" in done.text
    (line,) = rejects.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["key"].endswith("bad.jpg")
    assert "rejected cat/bad.jpg" in run("inspect", out).text


def test_an_existing_pack_is_not_replaced_by_accident(photos: Path, photo_pack: Path) -> None:
    done = run("convert", photos, photo_pack)
    assert done.code in {2, 5}
    assert "--overwrite" in done.lines[-1] or "overwrite" in done.lines[-1]
    assert run("verify", photo_pack).code == 0


def test_a_terminal_gets_a_bar_that_ends_full(photos: Path, tmp_path: Path) -> None:
    shown = run_on_terminal("convert", photos, tmp_path / "photos.lmdb").out.decode()
    assert "7/7 samples" in shown
    assert "━━━━" in shown


def test_a_missing_source_is_rejected_in_one_line(tmp_path: Path) -> None:
    done = run("convert", tmp_path / "nothing", tmp_path / "out.lmdb")
    assert done.code in {2, 3}
    assert len([line for line in done.lines if line.startswith("fastdata: error: ")]) == 1
    assert "nothing" in done.lines[-1]


def test_verify_reads_everything_and_says_how_fast(photo_pack: Path) -> None:
    done = run("verify", photo_pack)
    assert done.code == 0
    assert "whole; 7 samples" in done.text
    assert "/s)" in done.text
    found = run("verify", photo_pack, "--json").json
    assert found["ok"] and found["problems"] == [] and found["count"] == 7


@pytest.mark.parametrize("suffix", ["lmdb", "h5"])
def test_verify_names_every_damaged_sample(photos: Path, tmp_path: Path, suffix: str) -> None:
    pack = tmp_path / f"photos.{suffix}"
    assert run("convert", photos, pack, "--codec", "keep", "--workers", "0").code == 0
    data = pack / "data.mdb" if suffix == "lmdb" else pack
    damaged = bytearray(data.read_bytes())
    names = ("cat/1.jpg", "dog/0.jpg")
    for name in names:
        damaged[damaged.index((photos / name).read_bytes()) + 500] ^= 4
    data.write_bytes(damaged)
    done = run("verify", pack)
    assert done.code == 4
    assert done.err == b"verifying: 1/1 MB\n"
    wrong = [line for line in done.text.splitlines() if line.startswith("wrong: ")]
    assert [line.split()[1] for line in wrong] == list(names)
    found = run("verify", pack, "--json")
    assert found.code == 4
    assert [problem["key"] for problem in found.json["problems"]] == list(names)
    assert not found.json["ok"]

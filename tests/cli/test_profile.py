"""``fastdata profile`` of a pack, and what it says of options that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import one_after_another, run

from fastdata.profiling import read_profile
from fastdata.profiling.selfcheck.known import median_rows

pytestmark = pytest.mark.alone


def test_a_pack_is_loaded_by_itself(photo_pack: Path, tmp_path: Path) -> None:
    done = run(
        "profile", photo_pack, "-o", tmp_path, "--json", "--steps", "40", "--warmup", "2",
        "--transforms", "RandomResizedCrop: [24, 24], ToFloat", "--batch-size", "1",
        "--fields", "label, image", "--engine", "cpu", "--device", "meta",
    )  # fmt: skip
    assert done.code == 0, done.err
    profile = read_profile(tmp_path / "report.json")
    assert profile.loader is not None
    assert (profile.loader.engine, profile.loader.device) == ("cpu", "meta")
    assert done.json["verdict"]["sentence"] == profile.verdict.sentence
    assert profile.verdict.sentence.startswith("Alone, the loader gives ")
    assert {"read", "decode"} <= {stage.name for stage in profile.workers.stages}
    (decode,) = (one for one in profile.what_if if one.name == "decode alone")
    assert profile.step_seconds is not None
    assert 0 < decode.step_seconds.median < profile.step_seconds.median
    # Whoever only takes batches waits nearly all the time, even in steps of less than 1 ms. Of the
    # median step, since a thread may lose its core in any.
    assert median_rows(profile)["exposed_data_wait"] > 0.75 * profile.step_seconds.median


def test_a_pack_that_is_one_batch_is_measured_as_well(photo_pack: Path, tmp_path: Path) -> None:
    done = run(
        "profile", photo_pack, "-o", tmp_path, "--steps", "8", "--warmup", "1",
        "--transforms", "RandomResizedCrop: [24, 24]", "--batch-size", "1000",
    )  # fmt: skip
    assert done.code == 0 and b"optimizer step" not in done.err
    profile = read_profile(tmp_path / "report.json")
    assert profile.steps == 8 and profile.start.epochs == 9
    assert profile.verdict.sentence.startswith("Alone, the loader gives ")


def test_what_cannot_be_profiled_is_one_line_each(photo_pack: Path) -> None:
    pack = str(photo_pack)
    refused = [
        (5, ["gone.lmdb"], "gone.lmdb"),
        (2, ["gone.lmdb", "--transforms", "Nope: 3"], "--transforms[0]: no transform 'Nope'"),
        (2, ["gone.lmdb", "--transforms", "{"], "expected names with their arguments"),
        (2, [pack, "--device", "gpu"], "device='gpu'; expected 'cuda', 'cuda:N', 'cpu' or another"),
        (2, [pack, "--engine", "gpu"], "engine='gpu'; expected one of auto, cpu, torch, dali"),
        (2, [pack, "--fields", "image,mask"], "no field 'mask' in "),
        (2, [pack, "--replay", "3"], "--replay: for a command, whose training is tried otherwise"),
        (2, ["--batch-size", "2", "--", "train.py"], "--batch-size: for a pack (.lmdb, .h5)"),
        (2, [], "nothing to profile; expected a pack, or a command after --"),
    ]
    commands = [("profile", *words) for _, words, _ in refused]
    done = run(line=one_after_another(*commands, codes=[code for code, _, _ in refused]))
    assert done.code == 0, done.err
    for line, (_, _, message) in zip(done.lines, refused, strict=True):
        assert message in line

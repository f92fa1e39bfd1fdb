"""The conversion: what is stored, that workers change nothing, and what bad items cost."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from converting import class_folders, content, streets, write_image
from pictures import as_pillow_sees
from PIL import Image

from fastdata.converters import Progress, convert
from fastdata.converters.pool import Outcome, WorkerPool
from fastdata.errors import InputError, UsageError
from fastdata.packs import open_pack, partial_of


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def odd_images(root: Path) -> Path:
    """Images of many kinds: turned, gray, palette, CMYK, alpha, progressive, misnamed."""
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        write_image(root / f"turned{turn}.jpg", 18, 26, seed=turn, exif=exif)
    write_image(root / "progressive.jpg", 40, 30, progressive=True)
    write_image(root / "png-inside.jpg", 9, 9)
    (root / "png-inside.jpg").write_bytes(write_image(root / "x.png", 20, 21))
    photo = Image.open(root / "x.png")
    for mode, name in [("L", "gray.jpg"), ("CMYK", "cmyk.jpg"), ("P", "p.png"), ("LA", "la.png")]:
        photo.convert(mode).save(root / name)
    return root


@pytest.mark.parametrize("codec", ["keep", "png", "raw"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_decodes_to_the_pixels_that_pillow_gives(
    codec: str, channels: int, tmp_path: Path
) -> None:
    root = odd_images(tmp_path / "in")
    convert(root, tmp_path / "o.lmdb", codec=codec, channels=channels, workers=0)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert len(pack) == len(files(root))
        for i, sample in enumerate(pack):
            data = (root / pack.key(i)).read_bytes()
            np.testing.assert_array_equal(sample.image, as_pillow_sees(data, channels), pack.key(i))
            if codec == "keep":
                assert bytes(pack.records("image", [i])[0]) == data


def test_codec_jpeg_keeps_jpegs_and_encodes_the_others(tmp_path: Path) -> None:
    root = odd_images(tmp_path / "in")
    convert(root, tmp_path / "o.lmdb", codec="jpeg", quality=70, workers=0)
    with open_pack(tmp_path / "o.lmdb") as pack:
        for i in range(len(pack)):
            data, stored = (root / pack.key(i)).read_bytes(), bytes(pack.records("image", [i])[0])
            assert stored[:2] == b"\xff\xd8"
            assert (stored == data) == (data[:2] == b"\xff\xd8")


def test_resizing_encodes_again_in_the_same_format(tmp_path: Path) -> None:
    write_image(tmp_path / "in/big.jpg", 60, 90)
    write_image(tmp_path / "in/big.png", 60, 90)
    small = write_image(tmp_path / "in/small.jpg", 20, 30)
    convert(tmp_path / "in", tmp_path / "o.lmdb", codec="keep", resize="longest:45", workers=0)
    with open_pack(tmp_path / "o.lmdb") as pack:
        stored = {pack.key(i): bytes(pack.records("image", [i])[0]) for i in range(3)}
        assert pack.sizes("image").tolist() == [[30, 45], [30, 45], [20, 30]]
    assert stored["big.jpg"][:2] == b"\xff\xd8" and stored["big.png"][:4] == b"\x89PNG"
    assert stored["small.jpg"] == small
    wanted = Image.open(tmp_path / "in/big.png").resize((45, 30), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(as_pillow_sees(stored["big.png"], 3), np.asarray(wanted))


def test_raw_images_of_one_size_become_rows(tmp_path: Path) -> None:
    for i in range(3):
        write_image(tmp_path / "in/a" / f"{i}.jpg", 12, 16, seed=i)
    same = convert(tmp_path / "in", tmp_path / "o.lmdb", codec="raw", workers=0)
    assert (same.schema["image"].shape, same.schema["image"].storage) == ((12, 16), "rows")
    write_image(tmp_path / "in/a/3.jpg", 13, 16)
    mixed = convert(tmp_path / "in", tmp_path / "p.lmdb", codec="raw", workers=0)
    assert (mixed.schema["image"].shape, mixed.schema["image"].storage) == (None, "records")
    exact = convert(
        tmp_path / "in", tmp_path / "q.lmdb", codec="raw", resize="exact:6x8", workers=0
    )
    assert exact.schema["image"].shape == (6, 8)


@pytest.mark.parametrize("suffix", ["lmdb", "h5"])
def test_the_number_of_workers_changes_nothing(suffix: str, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", 20)
    (root / "ant/5.jpg").write_bytes(b"no image")
    found, infos = [], []
    for workers in (0, 1, 2, 4):
        out = tmp_path / f"o{workers}.{suffix}"
        summary = convert(root, out, workers=workers, on_bad="skip")
        found.append((content(out), summary.inputs, summary.rejected))
        with open_pack(out) as pack:
            infos.append((pack.info.source, pack.info.options, pack.info.rejects))
    assert found[0][1:] == (40, 1)
    assert all(one == found[0] for one in found)
    assert all(info == infos[0] for info in infos)


def test_bad_files_are_listed_beside_the_pack_and_in_it(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", 3)
    (root / "ant/1.jpg").write_bytes(b"<!DOCTYPE html><html>not found</html>")
    (root / "bee/0.jpg").write_bytes((root / "bee/0.jpg").read_bytes()[:300])
    out = tmp_path / "o.lmdb"
    summary = convert(root, out, workers=2, on_bad="skip")
    assert summary.inputs == 6 == summary.count + summary.rejected
    assert summary.rejects_path == tmp_path / "o.lmdb.rejects.jsonl"
    lines = [json.loads(line) for line in summary.rejects_path.read_text("ascii").splitlines()]
    assert [line["key"] for line in lines] == ["ant/1.jpg", "bee/0.jpg"]
    assert [line["error"] for line in lines] == ["InputError", "InputError"]
    assert lines[0]["reason"].startswith("ant/1.jpg: looks like an HTML")
    with open_pack(out) as pack:
        assert [key for key, _ in pack.info.rejects] == ["ant/1.jpg", "bee/0.jpg"]
    class_folders(tmp_path / "in", 3)
    again = convert(root, out, workers=0, overwrite=True)
    assert again.rejects_path is None and not (tmp_path / "o.lmdb.rejects.jsonl").exists()


def test_stopping_names_the_file_and_keeps_what_was_done(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", 5)
    good = (root / "bee/2.jpg").read_bytes()
    (root / "bee/2.jpg").write_bytes(b"")
    out = tmp_path / "o.lmdb"
    words = r"bee/2\.jpg: .*; 7 of 10 items are done and kept: go on with resume=True"
    with pytest.raises(InputError, match=words) as caught:
        convert(root, out, workers=2)
    assert caught.value.exit_code == 3
    assert not out.exists() and partial_of(out).is_dir()
    (root / "bee/2.jpg").write_bytes(good)
    summary = convert(root, out, workers=2, resume=True)
    assert (summary.resumed_from, summary.count) == (7, 10)
    assert not partial_of(out).exists()
    convert(root, tmp_path / "whole.lmdb", workers=0)
    assert content(out) == content(tmp_path / "whole.lmdb")


def test_a_resume_of_another_source_is_refused(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", 5)
    (root / "bee/2.jpg").write_bytes(b"")
    with pytest.raises(InputError):
        convert(root, tmp_path / "o.lmdb", workers=0)
    (root / "ant/0.jpg").unlink()
    with pytest.raises(UsageError, match=r"another source \(then .*10 items.*, now .*9 items"):
        convert(root, tmp_path / "o.lmdb", workers=0, resume=True)
    write_image(root / "ant/0.jpg")
    with pytest.raises(UsageError, match=r"another schema \(image\) and options \(codec\); repeat"):
        convert(root, tmp_path / "o.lmdb", workers=0, resume=True, codec="png")


def test_too_many_bad_files_end_the_run(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", 5)
    for i in range(3):
        (root / f"ant/{i}.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"3 of 3 items are bad, more than max_bad=2 allows"):
        convert(root, tmp_path / "o.lmdb", workers=0, on_bad="skip", max_bad=2)
    assert convert(root, tmp_path / "o.lmdb", workers=0, on_bad="skip", max_bad=3).rejected == 3


def test_a_lost_item_is_noticed_and_nothing_is_published(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = WorkerPool.run

    def lossy(pool: WorkerPool, job: Any, items: Any, *, start: int = 0) -> Iterator[Outcome]:
        return (outcome for outcome in run(pool, job, items, start=start) if outcome.position != 3)

    monkeypatch.setattr(WorkerPool, "run", lossy)
    root = class_folders(tmp_path / "in", 3)
    with pytest.raises(RuntimeError, match="5 packed and 0 rejected of 6 inputs"):
        convert(root, tmp_path / "o.lmdb", workers=0)
    assert not (tmp_path / "o.lmdb").exists()


def test_a_pack_of_nothing_is_not_made(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", 2)
    convert(root, tmp_path / "o.lmdb", workers=0)
    before = content(tmp_path / "o.lmdb")
    for path in files(root):
        path.write_bytes(b"no image")
    with pytest.raises(InputError, match=r"all 4 items are bad.*the first one: ant/0\.jpg: looks"):
        convert(root, tmp_path / "o.lmdb", workers=0, on_bad="skip", overwrite=True)
    assert content(tmp_path / "o.lmdb") == before


def test_files_that_vanish_or_change_during_the_run_are_recorded(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", 40)

    def disturb(progress: Progress) -> None:
        if progress.phase == "convert" and progress.done == 1:
            (root / "bee/39.jpg").unlink()
            (root / "bee/38.jpg").unlink()
            os.mkfifo(root / "bee/38.jpg")
            (root / "bee/37.jpg").unlink()
            (root / "bee/37.jpg").symlink_to("/etc/hostname")

    summary = convert(root, tmp_path / "o.lmdb", workers=1, on_bad="skip", progress=disturb)
    assert (summary.inputs, summary.count, summary.rejected) == (80, 77, 3)
    assert summary.rejects_by_error == {"UnsafeFile": 2, "InputError": 1}


def test_a_limit_spreads_over_the_classes(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", 10)
    summary = convert(root, tmp_path / "o.lmdb", limit=4, codec="keep", workers=0)
    assert summary.notes == ("limited to 4 of the 20 items of the source",)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack.column("label").tolist() == [0, 0, 1, 1]


def test_progress_covers_every_item_in_each_phase(tmp_path: Path) -> None:
    seen: list[Progress] = []
    root = streets(tmp_path / "in", 4)
    convert(root, tmp_path / "o.lmdb", workers=0, progress=seen.append)
    phases = [(progress.phase, progress.done) for progress in seen]
    wanted = [("scan", i) for i in range(1, 5)] + [("convert", i) for i in range(1, 5)]
    assert phases == [*wanted, ("build", 4), ("check", 4)]
    assert seen[-1].total == 4
    assert seen[-1].bytes == sum(path.stat().st_size for path in files(root))


def test_the_summary_is_plain_json_and_frozen(tmp_path: Path) -> None:
    summary = convert(class_folders(tmp_path / "in", 1), tmp_path / "o.h5", workers=0)
    plain = json.loads(json.dumps(summary.to_json()))
    assert (plain["backend"], plain["count"], plain["out"]) == ("hdf5", 2, str(tmp_path / "o.h5"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        summary.count = 3  # type: ignore[misc]


def test_an_unguarded_script_may_convert(tmp_path: Path) -> None:
    class_folders(tmp_path / "in", 2)
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, fastdata.converters\n"
        "fastdata.converters.convert('in', 'o.lmdb', workers=2)\n"
        "print('torch' in sys.modules)\n"
    )
    run = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (run.stdout, run.stderr) == ("False\n", "")

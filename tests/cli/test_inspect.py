"""What `inspect` says about a pack, and the contact sheet it writes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from commands import run
from webpages import Page

from fastdata.packs import create_pack
from fastdata.schema import Array, Label, Scalar, Schema, Text, Window


def sheet_of(pack: Path, folder: Path, *words: str) -> tuple[Page, str]:
    path = folder / "sheet.html"
    done = run("inspect", pack, "--html", path, *words)
    assert done.code == 0, done.err
    text = path.read_text(encoding="utf-8")
    return Page(text), text


@pytest.fixture
def series_pack(tmp_path: Path) -> Path:
    path = tmp_path / "series.lmdb"
    schema = Schema(
        {
            "window": Window(
                length=4, features=("heat", "wind"), categories=(("wind", ("calm", "gale")),)
            ),
            "target": Scalar(),
            "kind": Label(classes=("a<b", "c")),
            "grid": Array(shape=(5, 5)),
            "note": Text(),
        }
    )
    series = np.column_stack([np.linspace(-1, 1, 20), np.arange(20) % 2]).astype(np.float32)
    series[6, 0] = np.nan
    with create_pack(path, schema, source="made") as writer:
        writer.set_series("window", series)
        for start in range(10):
            writer.add(
                __key__=f"<b>{start}</b>\udcff",
                window=start,
                target=np.nan if start == 3 else start / 2,
                kind=int(start > 7),
                grid=np.full((5, 5), start),
                note="<script>alert(1)</script>" * 20,
            )
    return path


def test_the_overview_tells_counts_sizes_and_balance(photo_pack: Path) -> None:
    found = run("inspect", photo_pack, "--json").json
    assert (found["count"], found["backend"]) == (7, "lmdb")
    image, label = found["fields"]
    assert image["sizes"] == {"smallest": [48, 64], "median": [48, 64], "largest": [48, 64]}
    assert image["stored_bytes"] > label["stored_bytes"] == 7 * 8
    assert found["balances"] == [
        {"field": "label", "classes": ["cat", "dog", "狗😀"], "counts": [4, 2, 1]}
    ]


def test_bars_are_as_long_as_the_classes_are_large(photo_pack: Path) -> None:
    lines = run("inspect", photo_pack).text.splitlines()
    bars = {line.split()[0]: line.count("█") for line in lines if "█" in line}
    assert bars == {"cat": 32, "dog": 16, "狗😀": 8}


def test_numbers_without_a_value_are_counted_apart(series_pack: Path) -> None:
    fields = {
        field["name"]: field for field in run("inspect", series_pack, "--json").json["fields"]
    }
    assert fields["target"]["numbers"]["missing"] == 1
    assert fields["target"]["numbers"]["high"] == 4.5
    assert "1 missing" in run("inspect", series_pack).text


def test_the_sheet_needs_no_other_file_and_no_script(scene_pack: Path, tmp_path: Path) -> None:
    page, text = sheet_of(scene_pack, tmp_path)
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "iframe", "object"})
    assert all((image["src"] or "").startswith("data:image/") for image in page.all("img"))
    assert not re.search(r"https?://|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text


def test_the_sheet_shows_masks_distances_and_their_keys(scene_pack: Path, tmp_path: Path) -> None:
    page, _ = sheet_of(scene_pack, tmp_path)
    assert len(page.all("article")) == 6
    # For each sample: the image, its mask over it, the boundary map and one signed map.
    assert len(page.all("img")) == 6 * 4
    assert sum(image.get("class") == "overlay" for image in page.all("img")) == 6
    words = " ".join(page.words)
    for key in ("ground", "box", "boundary", "signed: box", "inside", "px"):
        assert key in words


def test_the_sheet_is_bounded_by_its_options(photo_pack: Path, tmp_path: Path) -> None:
    page, large = sheet_of(photo_pack, tmp_path)
    assert len(page.all("article")) == 7
    page, small = sheet_of(photo_pack, tmp_path, "--samples", "3", "--thumbnail", "16")
    assert len(page.all("article")) == 3
    assert len(small) < len(large)


def test_windows_become_line_charts_and_names_are_escaped(
    series_pack: Path, tmp_path: Path
) -> None:
    page, text = sheet_of(series_pack, tmp_path)
    assert len(page.all("svg")) == 10 * 2
    assert "<script" not in text and "<b>0</b>\\" not in text
    words = " ".join(page.words)
    for value in ("a<b", "gale", "calm", "5 x 5, 9 to 9", "<b>9</b>\\udcff", "–"):
        assert value in words
    # The missing value leaves a gap: the line starts twice in the windows that hold it.
    paths = [path["d"] or "" for path in page.all("path")]
    assert sum(path.count("M") == 2 for path in paths) == 2


def test_a_sample_that_cannot_be_read_becomes_a_tile_that_says_so(
    photos: Path, tmp_path: Path
) -> None:
    pack = tmp_path / "damaged.h5"
    assert run("convert", photos, pack, "--codec", "keep", "--workers", "0").code == 0
    first = next(photos.rglob("0.jpg")).read_bytes()
    whole = pack.read_bytes()
    at = whole.index(first) + len(first) // 2
    pack.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    page, _ = sheet_of(pack, tmp_path)
    assert len(page.all("article")) == 7
    assert len(page.all("img")) == 6
    assert any("checksum" in word or "CRC" in word for word in page.words)


def test_an_unwritable_sheet_is_a_storage_error(photo_pack: Path, tmp_path: Path) -> None:
    done = run("inspect", photo_pack, "--html", tmp_path / "none" / "sheet.html")
    assert done.code == 5
    assert len(done.lines) == 1

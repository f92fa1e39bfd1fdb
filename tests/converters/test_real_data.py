"""The real data, where they are: photos, street scenes, air quality, and malformed images."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from pictures import as_pillow_sees
from PIL import Image
from realdata import real_data

from fastdata.converters import convert
from fastdata.packs import open_pack

EVERY = bool(os.environ.get("FASTDATA_ALL"))


@pytest.mark.parametrize("suffix", ["lmdb", "h5"])
def test_photos_decode_to_the_pixels_that_pillow_gives(suffix: str, tmp_path: Path) -> None:
    root = real_data("photos")
    codec = "keep" if suffix == "h5" else "auto"
    summary = convert(root, tmp_path / f"o.{suffix}", codec=codec)
    assert (summary.layout, summary.inputs, summary.count) == ("imagefolder", 500, 500)
    with open_pack(tmp_path / f"o.{suffix}") as pack:
        for i in range(0, 500, 1 if EVERY else 25):
            data = (root / pack.key(i)).read_bytes()
            assert codec == "auto" or bytes(pack.records("image", [i])[0]) == data
            np.testing.assert_array_equal(pack[i].image, as_pillow_sees(data, 3))


def test_street_scenes_with_both_distance_maps(tmp_path: Path) -> None:
    path = real_data("camvid") / "pairs.txt"
    maps = ("boundary", "signed")
    limit = None if EVERY else 20
    out = tmp_path / "o.lmdb"
    summary = convert(path, out, distance_maps=maps, truncate=64, limit=limit)
    assert summary.count == (limit or 101)
    assert len(summary.schema["mask"].classes) == 12
    with open_pack(out) as pack:
        assert pack.verify().ok
        for i in range(0, len(pack), 5):
            image = (path.parent / pack.key(i)).read_bytes()
            np.testing.assert_array_equal(pack[i].image, as_pillow_sees(image, 3))
            mask = path.parent / "masks" / Path(pack.key(i)).name
            np.testing.assert_array_equal(pack[i].mask, np.asarray(Image.open(mask)))
            inside = np.take_along_axis(pack[i].signed, pack[i].mask[None].astype(int), 0)
            assert (inside < 0).all()


def test_air_quality_as_windows(tmp_path: Path) -> None:
    path = real_data("pm25") / "pollution.csv"
    out = tmp_path / "o.h5"
    summary = convert(path, out, window=24, stride=1, target="pm2.5", missing="drop")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    good = [row["pm2.5"] != "NA" for row in rows]
    starts = [i for i in range(len(rows) - 24) if all(good[i : i + 25])]
    assert summary.count == len(starts) == 37_596
    with open_pack(out) as pack:
        features = pack.schema["window"].features
        coded = dict(pack.schema["window"].categories)
        for i in (0, 1, 20_000, 37_595):
            first = rows[starts[i] : starts[i] + 24]
            for at, name in enumerate(features):
                wanted = [
                    coded[name].index(row[name]) if name in coded else float(row[name])
                    for row in first
                ]
                np.testing.assert_allclose(pack[i].window[:, at], wanted, rtol=1e-6)
            assert float(pack[i].target) == float(rows[starts[i] + 24]["pm2.5"])


def test_a_multi_task_table_of_photos(tmp_path: Path) -> None:
    photos = sorted(real_data("photos").glob("group_[0-3]/*"))[::10]
    path = tmp_path / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["photo", "group", "severity"])
        writer.writerows([p, p.parent.name, i / 7] for i, p in enumerate(photos))
    summary = convert(path, tmp_path / "o.lmdb", allow_outside=True)
    assert summary.count == len(photos)
    with open_pack(tmp_path / "o.lmdb") as pack:
        np.testing.assert_allclose(pack.column("severity"), np.arange(len(photos)) / 7, rtol=1e-6)
        groups = [pack.schema["group"].classes[i] for i in pack.column("group")]
        assert groups == [p.parent.name for p in photos]


@pytest.mark.parametrize("name", ["jpeg", "mixed"])
def test_malformed_images_are_all_accounted_for(name: str, tmp_path: Path) -> None:
    root = real_data("bad") / name
    summary = convert(root, tmp_path / "o.lmdb", on_bad="skip", item_timeout=10)
    assert summary.inputs == len(list(root.iterdir()))
    assert summary.count + summary.rejected == summary.inputs
    # Each was rejected by its content: no decoder crashed, and none hung.
    assert set(summary.rejects_by_error) == {"InputError"}
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack.verify().ok
        for i in range(len(pack)):
            assert pack[i].image.shape[2] == 3

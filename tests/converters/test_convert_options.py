"""Options, sources and outputs of a conversion that cannot be, are told before it begins."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from converting import class_folders

from fastdata.converters import ConvertOptions, convert
from fastdata.errors import InputError, StorageError, UnsafeFile, UsageError
from fastdata.packs import open_pack


def test_the_output_is_checked_before_anything_is_read(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", 1)
    (root / "ant/0.jpg").write_bytes(b"bad")
    (tmp_path / "file").touch()
    (tmp_path / "old.lmdb").touch()
    missing = tmp_path / "nothing there"
    with pytest.raises(StorageError):
        convert(missing, tmp_path / "file/o.lmdb")
    with pytest.raises(StorageError):
        convert(missing, "/proc/o.lmdb")
    with pytest.raises(UsageError, match=r"ends with '\.zip'; expected \.lmdb"):
        convert(missing, tmp_path / "o.zip")
    with pytest.raises(UsageError, match="--overwrite"):
        convert(missing, tmp_path / "old.lmdb")
    with pytest.raises(UsageError, match="lies inside its source"):
        convert(root, root / "o.lmdb")
    assert not list(tmp_path.glob("*.partial"))


def test_a_source_that_cannot_be_is_told(tmp_path: Path) -> None:
    out = tmp_path / "o.lmdb"
    with pytest.raises(UsageError, match="give a folder, list or table that exists"):
        convert(tmp_path / "gone", out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="nothing to convert was found; imagefolder looks for"):
        convert(tmp_path / "empty", out)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsafeFile, match="neither a file nor a folder"):
        convert(tmp_path / "pipe", out)
    (tmp_path / "a.pdf").touch()
    with pytest.raises(InputError, match=r"a\.pdf: is no file that a layout reads"):
        convert(tmp_path / "a.pdf", out)
    with pytest.raises(UsageError, match="the pairs layout expects a folder"):
        convert(tmp_path / "a.pdf", out, layout="pairs")
    (tmp_path / "s.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="give window=24"):
        convert(tmp_path / "s.csv", out)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"codecs": "raw"}, "no option 'codecs'; did you mean 'codec'"),
        ({"codec": "webp"}, "codec is 'webp'; expected one of auto, jpeg-fast, keep, jpeg"),
        ({"quality": 0}, "quality is 0; expected 1 to 100"),
        ({"quality": True}, "quality is True; expected a whole number"),
        ({"workers": -1}, "workers is -1"),
        ({"workers": "many"}, "workers is 'many'"),
        ({"channels": 4}, "channels is 4"),
        ({"limit": 0}, "limit is 0; expected 1 or more"),
        ({"resize": "big"}, "resize is 'big'"),
        ({"distance_maps": ("outer",)}, "distance_maps is 'outer'"),
        ({"truncate": 0}, "truncate is 0; expected a number above 0"),
        ({"item_timeout": float("nan")}, "item_timeout is nan"),
        ({"folders": ("a",)}, "expected two folder names"),
        ({"columns": {"a": "colour"}}, "kind of column 'a' is 'colour'; expected one of image, "),
        ({"truncate": 5}, "none are asked for; leave it out, or add distance_maps"),
        ({"max_bad": 5}, "max_bad has no meaning without on_bad='skip'"),
        ({"missing": "guess"}, "missing is 'guess'"),
        ({"delimiter": "::"}, "delimiter is '::'"),
        ({"options": ConvertOptions(), "codec": "raw"}, "not both"),
    ],
)
def test_wrong_options_are_told(settings: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        convert(tmp_path, tmp_path / "o.lmdb", **settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"missing": "drop"}, r"missing \(--missing\) has no meaning for the imagefolder layout"),
        ({"scale": 2}, "only for pairs; leave it out"),
        ({"columns": {"a": "label"}}, r"columns \(--column\) .* only for table and windows"),
        ({"window": 3}, "holds 0 tables or series"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    settings: dict[str, object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        convert(class_folders(tmp_path / "in", 1), tmp_path / "o.lmdb", **settings)


def test_a_pack_records_the_options_that_made_it(tmp_path: Path) -> None:
    convert(class_folders(tmp_path / "in", 1), tmp_path / "o.lmdb", workers=0, limit=2)
    np.save(tmp_path / "s.npy", np.zeros((9, 2)))
    convert(tmp_path / "s.npy", tmp_path / "w.lmdb", window=3)
    with open_pack(tmp_path / "o.lmdb") as photos, open_pack(tmp_path / "w.lmdb") as windows:
        assert set(photos.info.options) == {
            "layout", "codec", "quality", "channels", "resize", "limit", "allow_outside"
        }  # fmt: skip
        assert windows.info.options["window"] == 3
        assert not {"codec", "scale", "distance_maps"} & set(windows.info.options)


def test_a_network_disk_is_noted_for_lmdb_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", 1)
    mounts = [SimpleNamespace(mountpoint=str(tmp_path), fstype="nfs4")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)
    assert "lies on nfs4" in convert(root, tmp_path / "o.lmdb", codec="keep", workers=0).notes[-1]
    assert convert(root, tmp_path / "o.h5", codec="keep", workers=0).notes == ()

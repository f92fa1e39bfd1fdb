"""Packs that other tools have rewritten: the library, in a child, says where all lies."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import h5py
import lmdb
import numpy as np
import pytest
from packsamples import EVERY_KIND, digest, write_pack

from fastdata.errors import PackCorrupt, PackVersion
from fastdata.packs import open_pack


@pytest.fixture(scope="module")
def lmdb_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pack(tmp_path_factory.mktemp("lmdb") / "a.lmdb", 40)


@pytest.fixture(scope="module")
def hdf5_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pack(tmp_path_factory.mktemp("hdf5") / "a.h5", 40)


def copy_env(source: Path, target: Path, *, compact: bool) -> None:
    target.mkdir()
    with lmdb.open(str(source), readonly=True, lock=False) as env:
        env.copy(str(target), compact=compact)


def copy_hdf5(source: Path, target: Path, *, skip: tuple[str, ...] = (), **filters: object) -> None:
    """What h5repack does: every object into a new file, here in reverse order."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        names: list[str] = []
        old.visit(names.append)
        for name in reversed(names):
            if isinstance(old[name], h5py.Dataset) and name not in skip:
                new.create_dataset(name, data=old[name][()], **filters)


def is_same(path: Path, original: Path) -> bool:
    with open_pack(path) as pack, open_pack(original) as expected:
        return digest(pack) == digest(expected) and pack.verify().ok


@pytest.mark.parametrize("compact", [True, False])
def test_copied_into_a_new_folder(lmdb_path: Path, tmp_path: Path, compact: bool) -> None:
    copy_env(lmdb_path, tmp_path / "copy", compact=compact)
    assert os.listdir(tmp_path / "copy") == ["data.mdb"]
    assert is_same(tmp_path / "copy", lmdb_path)


def test_a_copy_that_was_cut_short(lmdb_path: Path, tmp_path: Path) -> None:
    copy_env(lmdb_path, tmp_path / "copy", compact=True)
    data = tmp_path / "copy" / "data.mdb"
    os.truncate(data, data.stat().st_size - 1)
    with pytest.raises(PackCorrupt, match=r"its newest meta page says \d+; it was cut short"):
        open_pack(tmp_path / "copy")


def test_compacted_in_place(lmdb_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.lmdb"
    shutil.copytree(lmdb_path, target)
    copy_env(lmdb_path, tmp_path / "compact", compact=True)
    os.replace(tmp_path / "compact" / "data.mdb", target / "data.mdb")
    assert is_same(target, lmdb_path)


def test_written_to_by_another_program(lmdb_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.lmdb"
    shutil.copytree(lmdb_path, target)
    with lmdb.open(str(target), map_size=1 << 30) as env, env.begin(write=True) as txn:
        txn.put(b"my note", b"x" * 10_000)
        txn.put(b"0000000003/image", txn.get(b"0000000003/image"))
    assert is_same(target, lmdb_path)


def test_a_rewritten_pack_that_lacks_a_key(lmdb_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.lmdb"
    shutil.copytree(lmdb_path, target)
    with lmdb.open(str(target), map_size=1 << 30) as env, env.begin(write=True) as txn:
        txn.delete(b"0000000003/image")
    with pytest.raises(PackCorrupt, match="lacks the key '0000000003/image'"):
        open_pack(target)


def test_a_rewritten_record_that_differs(lmdb_path: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.lmdb"
    shutil.copytree(lmdb_path, target)
    with lmdb.open(str(target), map_size=1 << 30) as env, env.begin(write=True) as txn:
        txn.put(b"0000000003/image", txn.get(b"0000000002/image"))
    with open_pack(target) as pack, pytest.raises(PackCorrupt, match="sample 3"):
        pack[3]


def test_an_environment_that_is_no_pack(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path / "a"), lock=False) as env, env.begin(write=True) as txn:
        txn.put(b"0000000000/image", b"x")
    with pytest.raises(PackVersion, match="without a fastdata manifest"):
        open_pack(tmp_path / "a")


def test_repacked_hdf5(hdf5_path: Path, tmp_path: Path) -> None:
    copy_hdf5(hdf5_path, tmp_path / "b.h5")
    assert is_same(tmp_path / "b.h5", hdf5_path)


def test_hdf5_written_to_by_another_program(hdf5_path: Path, tmp_path: Path) -> None:
    shutil.copyfile(hdf5_path, tmp_path / "b.h5")
    with h5py.File(tmp_path / "b.h5", "r+") as file:
        file.attrs["note"] = "mine"
        file.create_dataset("my_own", data=np.arange(1000))
    assert is_same(tmp_path / "b.h5", hdf5_path)


@pytest.mark.parametrize("filters", [{"compression": "gzip"}, {"chunks": True}])
def test_hdf5_that_cannot_be_mapped(
    hdf5_path: Path, tmp_path: Path, filters: dict[str, object]
) -> None:
    copy_hdf5(hdf5_path, tmp_path / "b.h5", **filters)
    with pytest.raises(PackVersion, match="is not contiguous in this file"):
        open_pack(tmp_path / "b.h5")


def test_hdf5_links_are_not_followed(hdf5_path: Path, tmp_path: Path) -> None:
    copy_hdf5(hdf5_path, tmp_path / "b.h5", skip=("label",))
    with h5py.File(tmp_path / "b.h5", "r+") as file:
        file["label"] = h5py.ExternalLink(str(hdf5_path), "/label")
    with pytest.raises(PackVersion, match="soft or external link"):
        open_pack(tmp_path / "b.h5")


def test_hdf5_external_storage_is_refused(hdf5_path: Path, tmp_path: Path) -> None:
    copy_hdf5(hdf5_path, tmp_path / "b.h5", skip=("label",))
    with h5py.File(hdf5_path) as old, h5py.File(tmp_path / "b.h5", "r+") as new:
        labels = old["label"][()]
        (tmp_path / "raw").write_bytes(labels.tobytes())
        new.create_dataset(
            "label",
            labels.shape,
            labels.dtype,
            external=[(str(tmp_path / "raw"), 0, labels.nbytes)],
        )
    with pytest.raises(PackVersion, match="cannot be mapped"):
        open_pack(tmp_path / "b.h5")


def test_hdf5_that_lacks_a_dataset(hdf5_path: Path, tmp_path: Path) -> None:
    copy_hdf5(hdf5_path, tmp_path / "b.h5", skip=("image/crc32c",))
    with pytest.raises((PackCorrupt, PackVersion), match="image/crc32c"):
        open_pack(tmp_path / "b.h5")


def test_a_crash_of_the_library_is_an_error_here(
    lmdb_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_env(lmdb_path, tmp_path / "copy", compact=True)
    (tmp_path / "lmdb.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PackCorrupt, match="exit status -11"):
        open_pack(tmp_path / "copy")


def test_the_manifest_is_json_for_everybody(lmdb_path: Path) -> None:
    document = json.loads((lmdb_path / "manifest.json").read_text(encoding="utf-8"))
    assert document["manifest"]["count"] == 36
    assert list(document["manifest"]["schema"]) == list(EVERY_KIND)

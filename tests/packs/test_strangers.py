"""Whatever else may stand where a pack should: a typed error that says what it looks like."""

from __future__ import annotations

import io
import json
import os
import socket
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import lmdb
import numpy as np
import pytest
from packsamples import write_pack
from realdata import real_data

from fastdata.errors import PackCorrupt, PackError, PackVersion, StorageError
from fastdata.packs import open_pack
from fastdata.packs.checksum import crc_of_bytes
from fastdata.packs.sealing import seal, unseal


def archive(kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("a", "b")
    else:
        with tarfile.open(fileobj=buffer, mode="w") as file:
            file.addfile(tarfile.TarInfo("a"))
    return buffer.getvalue()


FILES = {
    "nothing": (b"", "an empty file"),
    "one byte": (b"x", "text"),
    "zeros": (bytes(100_000), "zero bytes"),
    "text": (b"hello " * 1000, "text"),
    "html": (b"<!DOCTYPE html><html>", "an HTML page"),
    "json": (b'{"format": "fastdata pack"}', "text"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(2000), "JPEG"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(2000), "PNG"),
    "zip": (archive("zip"), "a zip archive"),
    "numpy": (b"\x93NUMPY\x01\x00" + bytes(1000), "a NumPy array"),
    "random": (np.random.default_rng(0).bytes(50_000), "unknown data"),
    "hdf5 signature": (b"\x89HDF\r\n\x1a\n", "h5py cannot read"),
    "hdf5 signature and zeros": (b"\x89HDF\r\n\x1a\n" + bytes(5000), "h5py cannot read"),
    "user block magic": (b"fastdata-hdf5\r\n\x1a" + bytes(600), "pack version 0"),
}


@pytest.mark.parametrize("name", FILES)
def test_files(tmp_path: Path, name: str) -> None:
    data, words = FILES[name]
    for target in (tmp_path / "a.h5", tmp_path / "a.lmdb"):
        target.write_bytes(data)
        with pytest.raises((PackVersion, PackCorrupt), match=words) as caught:
            open_pack(target)
        assert str(target) in str(caught.value)


@pytest.mark.parametrize("name", [n for n in FILES if "hdf5" not in n and "user" not in n])
def test_folders_with_a_strange_data_file(tmp_path: Path, name: str) -> None:
    data, words = FILES[name]
    (tmp_path / "a.lmdb").mkdir()
    (tmp_path / "a.lmdb" / "data.mdb").write_bytes(data)
    with pytest.raises(PackVersion, match=words):
        open_pack(tmp_path / "a.lmdb")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(PackVersion, match=r"a folder without data\.mdb"):
        open_pack(tmp_path)


def test_the_data_file_instead_of_its_folder(tmp_path: Path) -> None:
    path = write_pack(tmp_path / "a.lmdb", 3)
    with pytest.raises(PackVersion, match="looks like an LMDB data file"):
        open_pack(path / "data.mdb")


def test_special_files_never_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.h5")
    (tmp_path / "a.lmdb").mkdir()
    os.mkfifo(tmp_path / "a.lmdb" / "data.mdb")
    for path in (tmp_path / "fifo.h5", tmp_path / "a.lmdb", Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(PackVersion, match="is no regular file"):
            open_pack(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.h5"))
        with pytest.raises((PackVersion, StorageError)):
            open_pack(tmp_path / "s.h5")


def test_links(tmp_path: Path) -> None:
    path = write_pack(tmp_path / "a.h5", 3)
    (tmp_path / "link.h5").symlink_to(path)
    assert len(open_pack(tmp_path / "link.h5")) == 3
    (tmp_path / "loop.h5").symlink_to(tmp_path / "loop.h5")
    (tmp_path / "dangling.h5").symlink_to(tmp_path / "none.h5")
    for name in ("loop.h5", "dangling.h5"):
        with pytest.raises(StorageError):
            open_pack(tmp_path / name)


def test_foreign_hdf5_and_lmdb(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.arange(10)
        file["manifest/inner"] = 1
    with pytest.raises(PackVersion, match="without a fastdata manifest"):
        open_pack(tmp_path / "a.h5")
    with lmdb.open(str(tmp_path / "b")):
        pass
    with pytest.raises(PackVersion, match="without a fastdata manifest"):
        open_pack(tmp_path / "b")


def rewrite_manifest(path: Path, change: dict[str, object]) -> None:
    """Change entries of an LMDB pack's manifest.json and seal it again, as a forger would."""
    document = unseal((path / "manifest.json").read_bytes(), str(path))
    document["manifest"] |= change
    (path / "manifest.json").write_bytes(seal(document))


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"version": 3}, PackVersion, r"pack version 3 in .*; this fastdata reads version 1"),
        ({"format": "else"}, PackVersion, "no fastdata manifest"),
        ({"count": 10**15}, PackCorrupt, "contradicts itself"),
        ({"count": -1}, PackCorrupt, "contradicts itself"),
        ({"count": "3"}, PackCorrupt, "contradicts itself"),
        ({"schema": {}}, PackCorrupt, "contradicts itself"),
        ({"schema": {"a": {"kind": "video"}}}, PackVersion, "'video'; this fastdata reads"),
        ({"schema": {"a": {"kind": "text", "b": 1}}}, PackVersion, "does not know"),
        (
            {"schema": {"a": {"kind": "scalar", "dtype": "O"}}},
            PackCorrupt,
            "expected numbers",
        ),
        (
            {"schema": {"a": {"kind": "array", "dtype": "u1", "shape": [-1]}}},
            PackCorrupt,
            "contradicts itself",
        ),
        ({"arrays": {}}, PackCorrupt, "contradicts itself"),
        ({"arrays": []}, PackCorrupt, "contradicts itself"),
        ({"block_rows": {}}, PackCorrupt, "contradicts itself"),
        ({"series_rows": {"window": 3}}, PackCorrupt, "leaves its series"),
        ({"series_rows": {}}, PackCorrupt, "contradicts itself"),
        ({"rejects": 3}, PackCorrupt, "contradicts itself"),
    ],
)
def test_forged_manifests(
    tmp_path: Path, change: dict[str, object], kind: type[PackError], words: str
) -> None:
    path = write_pack(tmp_path / "a.lmdb", 6)
    rewrite_manifest(path, change)
    with pytest.raises(kind, match=words):
        open_pack(path)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "1" * 10_000, "null", "[]", "{"]
)
def test_manifests_that_are_no_manifest(tmp_path: Path, text: str) -> None:
    path = write_pack(tmp_path / "a.lmdb", 3)
    (path / "manifest.json").write_text(text)
    with pytest.raises(PackCorrupt, match="cannot be read"):
        open_pack(path)


def test_forged_offsets_cannot_leave_the_file(tmp_path: Path) -> None:
    path = write_pack(tmp_path / "a.lmdb", 6)
    document = unseal((path / "manifest.json").read_bytes(), str(path))
    layout = document["layout"]
    offsets = bytearray((path / "offsets.bin").read_bytes())
    spec, start = layout["offsets"]["offset/image"]
    for value in (2**62, 2**63 - 1, -1, (path / "data.mdb").stat().st_size):
        offsets[start : start + 8] = int(value).to_bytes(8, "little", signed=True)
        (path / "offsets.bin").write_bytes(offsets)
        end = start + 8 * spec["shape"][0]
        spec["crc32c"] = crc_of_bytes(bytes(offsets[start:end]))
        (path / "manifest.json").write_bytes(seal({k: document[k] for k in ("manifest", "layout")}))
        with pytest.raises(PackCorrupt, match="point outside"):
            open_pack(path)
    layout["bases"]["window"] = 2**40
    (path / "manifest.json").write_bytes(seal({k: document[k] for k in ("manifest", "layout")}))
    with pytest.raises(PackCorrupt):
        open_pack(path)
    assert json.dumps(layout)


def test_crafted_hdf5_files_of_the_past() -> None:
    files = sorted(path for path in real_data("bad/hdf5").iterdir() if path.is_file())
    assert len(files) > 40
    if "FASTDATA_MUTATIONS" not in os.environ:
        files = files[::3]
    with ThreadPoolExecutor(2) as threads:
        errors = list(threads.map(error_of, files))
    assert all(isinstance(error, PackError) for error in errors), errors


def error_of(path: Path) -> Exception | None:
    try:
        open_pack(path)
    except Exception as error:
        return error
    return None

"""A journal that is torn, or lies: the last line that can be trusted counts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packsamples import COUNTED, EVERY_KIND, digest, fill, write_pack
from syscalls import watched

from fastdata.errors import PackCorrupt
from fastdata.packs import create_pack, hdf5_pack, lmdb_pack, open_pack, partial_of, staging


@pytest.fixture(params=[".lmdb", ".h5"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def begun(path: Path) -> Path:
    """A pack of two promised samples; its journal."""
    writer = create_pack(path, COUNTED)
    for label in (5, 6):
        writer.add(label=label)
        writer.checkpoint()
    writer.close()
    return partial_of(path) / "journal"


def position(path: Path) -> int:
    writer = create_pack(path, COUNTED, resume=True)
    writer.close()
    return writer.position


def test_a_torn_last_line(quick_path: Path, suffix: str) -> None:
    path = quick_path / f"a{suffix}"
    journal = begun(path)
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 3 and position(path) == 2
    for cut in range(len(whole) - 1, len(lines[0]), -7):
        journal.write_bytes(whole[:cut])
        assert position(path) == (1 if cut >= len(lines[0]) + len(lines[1]) else 0), cut


def test_a_line_that_was_changed(quick_path: Path, suffix: str) -> None:
    path = quick_path / f"a{suffix}"
    journal = begun(path)
    whole = journal.read_bytes()
    last = whole.rindex(b'"packed": 2')
    journal.write_bytes(whole[:last] + b'"packed": 9' + whole[last + 11 :])
    assert position(path) == 1
    journal.write_bytes(b"x" + whole)
    assert position(path) == 0


def test_staged_bytes_that_are_gone(quick_path: Path, suffix: str) -> None:
    path = quick_path / f"a{suffix}"
    journal = begun(path)
    (journal.parent / "field0").write_bytes(bytes(8))
    assert position(path) == 1
    with create_pack(path, COUNTED, resume=True) as writer:
        writer.add(label=7)
    assert open_pack(path).column("label").tolist() == [0, 7]


def test_safety_comes_by_itself(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "JOURNAL_BYTES", 100)
    monkeypatch.setattr(staging, "JOURNAL_SECONDS", 1e9)
    writer = create_pack(tmp_path / f"a{suffix}", COUNTED)
    for label in range(30):
        writer.add(label=label)
    assert writer.packed == 30 and 20 < writer.position < 30
    monkeypatch.setattr(staging, "JOURNAL_SECONDS", 0)
    writer.add(label=30)
    assert writer.position == 31
    writer.close()


def test_interrupted_anywhere(quick_path: Path, suffix: str) -> None:
    """Ctrl-C inside a write keeps what was promised and nothing by halves."""
    whole = digest(open_pack(write_pack(quick_path / f"whole{suffix}", 12)))

    def interrupt(number: int) -> Callable[[int, str, tuple[Any, ...]], None]:
        def before(at: int, call: str, args: tuple[Any, ...]) -> None:
            if at == number:
                raise KeyboardInterrupt

        return before

    path = quick_path / f"a{suffix}"
    for number in range(1, 100, 4):
        with watched(interrupt(number)), contextlib.suppress(KeyboardInterrupt):
            write_pack(path, 12, overwrite=True)
        write_pack(path, 12, overwrite=True, resume=True)
        with open_pack(path) as pack:
            assert digest(pack) == whole, number


def test_a_pack_written_in_many_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = digest(open_pack(write_pack(tmp_path / "one.lmdb", 40)))
    monkeypatch.setattr(lmdb_pack, "COMMIT_ITEMS", 7)
    path = write_pack(tmp_path / "many.lmdb", 40)
    assert digest(open_pack(path)) == expected and open_pack(path).verify().ok


def test_what_cannot_be_read_back_is_not_published(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes bytes and gives back others is imitated by changing one after the build."""
    module = lmdb_pack if suffix == ".lmdb" else hdf5_pack
    build = module.build

    def build_badly(staged: Any, path: Path, progress: Any) -> None:
        build(staged, path, progress)
        file = path / "data.mdb" if path.is_dir() else path
        data = file.read_bytes()
        at = data.index(b"caption 2")
        file.write_bytes(data[:at] + b"C" + data[at + 1 :])

    path = tmp_path / f"a{suffix}"
    with monkeypatch.context() as patch:
        patch.setattr(module, "build", build_badly)
        with pytest.raises(PackCorrupt, match="was read back with other bytes than were written"):
            write_pack(path, 5)
    assert not path.exists()
    assert len(open_pack(write_pack(path, 5, resume=True))) == 5


def test_a_pack_replaced_between_two_steps_of_opening_it(tmp_path: Path) -> None:
    path = write_pack(tmp_path / "a.lmdb", 4)
    expected = digest(open_pack(write_pack(tmp_path / "b.lmdb", 7)))
    replaced: list[str] = []

    def replace_once(_: int, call: str, args: tuple[Any, ...]) -> None:
        if call == "open" and args[0] == "manifest.json" and not replaced:
            replaced.append(call)
            with create_pack(path, EVERY_KIND, source="made up", overwrite=True) as writer:
                fill(writer, 0, 7)

    with watched(replace_once), open_pack(path) as pack:
        assert digest(pack) == expected and replaced

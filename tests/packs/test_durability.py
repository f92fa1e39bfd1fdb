"""What is promised is on the disk before: the order of syncs, renames and journal lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from packsamples import EVERY_KIND, SERIES, fill, write_pack
from syscalls import watched

from fastdata.packs import create_pack, partial_of

Event = tuple[str, str]


def name_of(call: str, args: tuple[Any, ...]) -> str:
    """The file that a call is about."""
    if call in ("rename", "replace", "exchange"):
        return f"{os.fspath(args[0])} -> {os.fspath(args[1])}"
    if isinstance(args[0], int):
        return os.readlink(f"/proc/self/fd/{args[0]}")
    return os.fspath(args[0])


def record(events: list[Event]) -> Any:
    return watched(lambda _, call, args: events.append((call, name_of(call, args))))


@pytest.fixture(params=[".lmdb", ".h5"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("replaces", [False, True])
def test_a_pack_is_durable_before_it_has_its_name(
    tmp_path: Path, suffix: str, replaces: bool
) -> None:
    path = tmp_path / f"a{suffix}"
    if replaces:
        write_pack(path, 3)
    events: list[Event] = []
    with record(events):
        write_pack(path, 12, overwrite=replaces)
    built = partial_of(path) / "build" / f"pack{suffix}"
    call = "rename" if not replaces else "exchange" if suffix == ".lmdb" else "replace"
    published = events.index((call, f"{built} -> {path}"))
    before, after = events[:published], events[published + 1 :]
    files = [path / name for name in os.listdir(path)] if path.is_dir() else [path]
    for file in files:
        inside = built / file.name if path.is_dir() else built
        last = max(i for i, (_, name) in enumerate(before) if name == str(inside))
        assert before[last] in (("fsync", str(inside)), ("open", str(inside)))
        synced = before.index(("fsync", str(inside)))
        writes = [i for i, e in enumerate(before) if e[0] in WRITES and e[1] == str(inside)]
        assert all(i < synced for i in writes)
    if path.is_dir():
        assert ("fsync", str(built)) in before
    assert ("fsync", str(built.parent)) in before
    removals = [i for i, (name, _) in enumerate(after) if name in ("unlink", "rmdir")]
    assert after.index(("fsync", str(tmp_path))) < min(removals)


WRITES = ("write", "pwrite", "ftruncate", "posix_fallocate")


def test_a_journal_line_follows_the_sync_of_all_it_names(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    journal = str(partial_of(path) / "journal")
    writer = create_pack(path, EVERY_KIND)
    events: list[Event] = []
    with record(events):
        writer.set_series("window", SERIES)
        fill_without_series(writer)
        writer.checkpoint()
    writer.close()
    promise = events.index(("write", journal))
    unsynced: set[str] = set()
    for call, name in events[:promise]:
        if call in WRITES:
            unsynced.add(name)
        elif call == "fdatasync":
            unsynced.discard(name)
    assert not unsynced and promise > 10
    assert ("fdatasync", journal) in events[promise:]


def fill_without_series(writer: Any) -> None:
    original, writer.set_series = writer.set_series, lambda *_: None
    fill(writer, 0, 12)
    writer.set_series = original

"""Reading source files: nothing outside the root, nothing but regular files, names of any bytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastdata.converters.paths import display, read_under
from fastdata.errors import InputError, UnsafeFile


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside.txt").write_bytes(b"secret")
    (tmp_path / "root/in.txt").write_bytes(b"in")
    return (tmp_path / "root").resolve()


@pytest.mark.parametrize("name", ["../outside.txt", "link", "folder/outside.txt", "ABSOLUTE"])
def test_a_file_outside_is_read_only_when_allowed(root: Path, name: str) -> None:
    (root / "link").symlink_to("../outside.txt")
    (root / "folder").symlink_to("..")
    name = str(root.parent / "outside.txt") if name == "ABSOLUTE" else name
    with pytest.raises(UnsafeFile, match=r"outside the source folder.*--allow-outside"):
        read_under(str(root), name)
    assert read_under(str(root), name, allow_outside=True) == b"secret"


def test_links_inside_the_root_are_followed(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub/link").symlink_to("../in.txt")
    assert read_under(str(root), "sub/link") == b"in"
    assert read_under(str(root), "sub/../in.txt") == b"in"


def test_special_files_are_refused_and_never_waited_for(root: Path) -> None:
    os.mkfifo(root / "fifo")
    (root / "folder").mkdir()
    with pytest.raises(UnsafeFile, match="fifo: is a fifo"):
        read_under(str(root), "fifo")
    with pytest.raises(UnsafeFile, match="is a folder"):
        read_under(str(root), "folder")
    with pytest.raises(UnsafeFile, match="is a device"):
        read_under(str(root), "/dev/zero", allow_outside=True)


def test_what_is_not_there_is_named(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("gone")
    for name in ("missing", "loop", "dangling", "in.txt/x", "x" * 300):
        with pytest.raises(InputError, match="cannot be read"):
            read_under(str(root), name)
    with pytest.raises(UnsafeFile, match="zero byte"):
        read_under(str(root), "a\0b")


@pytest.mark.parametrize("name", [b"\xff\xfe.jpg", b"a\nb", "\U0001f600".encode(), b"x" * 255])
def test_names_of_any_bytes_are_read_and_shown_on_one_line(root: Path, name: bytes) -> None:
    (root / os.fsdecode(name)).write_bytes(b"data")
    listed = os.listdir(root)
    assert os.fsdecode(name) in listed
    assert read_under(str(root), os.fsdecode(name)) == b"data"
    shown = display(os.fsdecode(name))
    assert "\n" not in shown
    shown.encode("utf-8")


def test_a_file_swapped_before_it_is_opened_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swap_and_open(path: str, flags: int) -> int:
        (root / "in.txt").unlink()
        (root / "in.txt").symlink_to("../outside.txt")
        return open_file(path, flags)

    open_file = os.open
    monkeypatch.setattr(os, "open", swap_and_open)
    with pytest.raises(UnsafeFile, match=r"in\.txt: was swapped while it was opened"):
        read_under(str(root), "in.txt")


@pytest.mark.parametrize("change", ["grow", "shrink", "touch"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    change: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_and_read(handle: int, count: int) -> bytes:
        if change == "touch":
            os.utime(root / "in.txt", ns=(0, 0))
        else:
            os.truncate(root / "in.txt", 9 if change == "grow" else 1)
        return read(handle, count)

    read = os.read
    monkeypatch.setattr(os, "read", change_and_read)
    with pytest.raises(InputError, match=r"in\.txt: changed while it was read"):
        read_under(str(root), "in.txt")


def test_a_file_too_large_for_an_image_is_not_read(root: Path) -> None:
    with (root / "huge").open("wb") as file:
        file.truncate((1 << 30) + 1)
    with pytest.raises(InputError, match="1073741825 bytes; an image file may have 1073741824"):
        read_under(str(root), "huge")


def test_an_empty_file_has_no_bytes(root: Path) -> None:
    (root / "empty").touch()
    assert read_under(str(root), "empty") == b""

"""A disk that says no, at any call: StorageError with its errno, no signal, and a resume."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from packsamples import COUNTED, digest, kept, write_pack
from syscalls import in_child, watched

from fastdata.errors import StorageError
from fastdata.packs import create_pack, open_pack, partial_of

COUNT = 12


@pytest.fixture(params=[".lmdb", ".h5"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def failing_at(number: int, code: int) -> Callable[[int, str, tuple[Any, ...]], None]:
    def before(at: int, name: str, args: tuple[Any, ...]) -> None:
        if at == number:
            raise OSError(code, os.strerror(code), "a file")

    return before


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_every_call_may_fail(quick_path: Path, suffix: str, code: int) -> None:
    with watched(lambda *_: None) as names:
        whole = digest(open_pack(write_pack(quick_path / f"whole{suffix}", COUNT)))
    old = write_pack(quick_path / f"a{suffix}", 3)
    before = digest(open_pack(old))
    step = 5 if code == errno.EIO else 11
    for number in sorted(set(range(1, len(names), step)) | set(range(len(names) - 12, len(names)))):
        failed = False
        try:
            with watched(failing_at(number, code)):
                write_pack(old, COUNT, overwrite=True)
        except StorageError as error:
            failed = True
            assert error.errno == code and os.strerror(code) in str(error), number
        with open_pack(old) as pack:
            found = digest(pack)
            assert found == whole or (failed and found == before), (number, names[number - 1])
        write_pack(old, COUNT, overwrite=True, resume=True)
        with open_pack(old) as pack:
            assert digest(pack) == whole
        assert not partial_of(old).exists()
        write_pack(old, 3, overwrite=True)


def test_a_writer_that_failed_writes_no_more(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    writer = create_pack(path, COUNTED)
    with watched(failing_at(1, errno.EIO)), pytest.raises(StorageError):
        writer.add(label=1)
        writer.checkpoint()
    with pytest.raises(Exception, match="has failed before; go on with resume=True"):
        writer.add(label=1)
    writer.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Mounts a file system of so many KiB, or changes its size."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(kib: int) -> Path:
        options = f"size={kib}k" + (",remount" if os.path.ismount(folder) else "")
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a file system may not be mounted here: {done.stderr.strip()}")
        return folder

    if shutil.which("mount") is None:
        pytest.skip("there is no mount command")
    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("kib", [16, 100, 200, 300, 400, 450, 500, 550])
def test_a_full_disk(
    small_disk: Callable[[int], Path], tmp_path: Path, suffix: str, kib: int
) -> None:
    path = small_disk(kib) / f"a{suffix}"

    def write() -> None:
        try:
            write_pack(path, 40)
        except StorageError as error:
            assert error.errno == errno.ENOSPC and "MB free" in str(error)
            os._exit(5)

    # In a child, because a signal there would be a failure here.
    assert in_child(write) == 5
    assert not path.exists()
    small_disk(4000)
    write_pack(path, 40, resume=True)
    with open_pack(path) as pack:
        assert len(pack) == len(kept(40)) and pack.verify().ok
        assert digest(pack) == digest(open_pack(write_pack(tmp_path / f"whole{suffix}", 40)))
    assert os.listdir(path.parent) == [path.name]


def test_a_disk_that_may_only_be_read(
    small_disk: Callable[[int], Path], tmp_path: Path, suffix: str
) -> None:
    path = write_pack(small_disk(4000) / f"a{suffix}", 5)
    expected = digest(open_pack(path))
    subprocess.run(["mount", "-o", "remount,ro", str(path.parent)], check=True)
    with open_pack(path) as pack:
        assert digest(pack) == expected and pack.verify().ok
    with pytest.raises(StorageError) as caught:
        create_pack(path.parent / f"b{suffix}", COUNTED)
    assert caught.value.errno == errno.EROFS


def test_a_folder_that_is_a_file(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError) as caught:
        create_pack(tmp_path / "file" / f"a{suffix}", COUNTED)
    assert caught.value.errno in (errno.ENOTDIR, errno.EEXIST)


PROGRAM = (
    "import sys; sys.path[:0] = [sys.argv[2]]; from pathlib import Path\n"
    "from packsamples import *\n"
    "from fastdata.errors import StorageError\n"
    "try: write_pack(Path(sys.argv[1]), 12)\n"
    "except StorageError as error: sys.exit(100 + error.errno)"
)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(
    ("suffix", "call", "fault", "number"),
    [
        (".lmdb", "writev", "error=ENOSPC", "1+"),
        (".lmdb", "writev", "error=EIO", "1"),
        (".lmdb", "pwrite64", "error=EIO", "3"),
        (".lmdb", "writev", "retval=4096", "1"),
        (".h5", "fallocate", "error=ENOSPC", "1"),
        (".h5", "pwrite64", "error=EIO", "25+"),
    ],
)
def test_faults_inside_the_libraries(
    tmp_path: Path, suffix: str, call: str, fault: str, number: str
) -> None:
    """LMDB writes by itself, where no Python call can be made to fail."""
    path = tmp_path / f"a{suffix}"
    command = ["strace", "-f", "-o", os.devnull, "-e", f"trace={call}"]
    command += ["-e", f"inject={call}:{fault}:when={number}"]
    command += [sys.executable, "-c", PROGRAM, str(path), str(Path(__file__).parents[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "PTRACE" in done.stderr:
        pytest.skip("strace may not trace here")
    code = errno.ENOSPC if "ENOSPC" in fault else errno.EIO
    assert done.returncode == 100 + code, done.stderr
    assert not path.exists()
    write_pack(path, 12, resume=True)
    with open_pack(path) as pack:
        assert len(pack) == len(kept(12)) and pack.verify().ok

"""SIGKILL at any moment: no half pack, the old pack untouched, and a resume that ends the same.

``FASTDATA_KILLS=all`` kills at every system call instead of a selection.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from packsamples import EVERY_KIND, SERIES, digest, kept, key, sample, write_pack
from syscalls import in_child, killed_at, watched

from fastdata.errors import FastDataError, PackIncomplete
from fastdata.packs import create_pack, open_pack, partial_of

COUNT = 14
EVERY_CALL = os.environ.get("FASTDATA_KILLS") == "all"


@pytest.fixture(params=[".lmdb", ".h5"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def write(path: Path, acknowledged: Path, *, resume: bool = False) -> None:
    """Write a pack of `COUNT` sources, each made safe, and note outside what was promised."""
    with create_pack(path, EVERY_KIND, source="made up", overwrite=True, resume=resume) as writer:
        writer.set_series("window", SERIES)
        for index in range(writer.position, COUNT):
            if index % 10 == 9:
                writer.reject(key(index), f"reason {index}")
            else:
                writer.add(key(index), **sample(index))
            if index % 3 == 2:
                writer.checkpoint()
                with open(acknowledged, "a", encoding="utf-8") as file:
                    file.write(f"{writer.position}\n")


class Scene:
    """A folder where a writer is killed again and again, with or without an older pack there."""

    def __init__(self, folder: Path, suffix: str, old: Path | None) -> None:
        self.path = folder / f"a{suffix}"
        self.acknowledged = folder / "acknowledged"
        self.old = old
        if old is not None and old.is_dir():
            shutil.copytree(old, self.path)
        elif old is not None:
            shutil.copyfile(old, self.path)

    def write(self, *, resume: bool = False) -> None:
        write(self.path, self.acknowledged, resume=resume)

    def check(self, whole: str, old: str) -> None:
        """After a kill: the old pack, the new one, or an error that says how to go on."""
        try:
            with open_pack(self.path) as pack:
                assert digest(pack) in ((whole, old) if self.old else (whole,))
                assert pack.verify().ok
        except FastDataError as error:
            assert self.old is None
            assert isinstance(error, PackIncomplete) or not partial_of(self.path).exists()

    def finish(self, whole: str) -> None:
        """Resume to the end: what was promised is still there, and the result is the same."""
        text = self.acknowledged.read_text() if self.acknowledged.exists() else ""
        promised = max((int(line) for line in text.split("\n")[:-1]), default=0)
        options = {"source": "made up", "overwrite": True, "resume": True}
        writer = create_pack(self.path, EVERY_KIND, **options)
        assert writer.position >= promised or self.is_published(whole)
        writer.close()
        self.write(resume=True)
        with open_pack(self.path) as pack:
            assert digest(pack) == whole and len(pack) == len(kept(COUNT))
        assert not partial_of(self.path).exists()

    def is_published(self, whole: str) -> bool:
        """Whether a killed run had come to its end but for tidying up."""
        try:
            with open_pack(self.path) as pack:
                return digest(pack) == whole
        except FastDataError:
            return False


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str, str]]:
    """For each suffix an old pack, the digest of an unbroken run, and the old pack's digest."""
    folder, found = tmp_path_factory.mktemp("packs"), {}
    for suffix in (".lmdb", ".h5"):
        write(folder / f"whole{suffix}", folder / "acknowledged")
        old = write_pack(folder / f"old{suffix}", 5)
        with open_pack(folder / f"whole{suffix}") as whole, open_pack(old) as before:
            found[suffix] = old, digest(whole), digest(before)
    return found


def changing_calls(folder: Path, suffix: str) -> int:
    """How many calls that change the disk one unbroken run makes."""
    with watched(lambda *_: None) as names:
        write(folder / f"count{suffix}", folder / "acknowledged")
    (folder / "acknowledged").unlink()
    return len(names)


def test_killed_at_a_system_call(
    packs: dict[str, tuple[Path, str, str]], quick_path: Path, suffix: str
) -> None:
    old, whole, before = packs[suffix]
    calls = changing_calls(quick_path, suffix)
    assert calls > 100
    publishing = set(range(calls - 25, calls + 1))
    chosen = sorted(publishing | set(range(1, calls, 1 if EVERY_CALL else 9)))
    for number in chosen:
        folder = quick_path / str(number)
        folder.mkdir()
        scene = Scene(folder, suffix, old if number % 2 else None)
        status = killed_at(number, scene.write)
        # With an old pack there, a few more calls are made; without one, a few less.
        assert status == -signal.SIGKILL or (status == 0 and number > calls - 10), number
        scene.check(whole, before)
        if number % 3 == 0:
            killed_at(number % 29 + 1, lambda scene=scene: scene.write(resume=True))
            scene.check(whole, before)
        scene.finish(whole)
        shutil.rmtree(folder)


def test_killed_at_a_random_moment(
    packs: dict[str, tuple[Path, str, str]], quick_path: Path, suffix: str
) -> None:
    old, whole, before = packs[suffix]
    started = time.monotonic()
    write(quick_path / f"timed{suffix}", quick_path / "acknowledged")
    seconds = time.monotonic() - started
    chance = random.Random(5)
    for number in range(25):
        folder = quick_path / str(number)
        folder.mkdir()
        scene = Scene(folder, suffix, old if number % 2 else None)
        child = os.fork()
        if not child:
            try:
                scene.write()
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        scene.check(whole, before)
        scene.finish(whole)
        shutil.rmtree(folder)


PROGRAM = (
    "import sys; sys.path[:0] = [sys.argv[2]]; from pathlib import Path; from packsamples import *;"
    "write_pack(Path(sys.argv[1]), 14, overwrite=True, resume=True)"
)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(
    ("suffix", "call", "number"),
    [
        (".lmdb", "pwrite64", 2),
        (".lmdb", "pwrite64", 3),
        (".lmdb", "writev", 1),
        (".lmdb", "renameat2", 1),
        (".h5", "pwrite64", 20),
    ],
)
def test_killed_by_strace_inside_the_libraries(
    packs: dict[str, tuple[Path, str, str]], quick_path: Path, suffix: str, call: str, number: int
) -> None:
    """LMDB writes by itself, where no Python call can be counted."""
    old, _, before = packs[suffix]
    scene = Scene(quick_path, suffix, old)
    inject = f"inject={call}:signal=KILL:when={number}"
    command = ["strace", "-f", "-o", os.devnull, "-e", f"trace={call}"]
    command += ["-e", inject, sys.executable, "-c", PROGRAM, scene.path, Path(__file__).parents[1]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "PTRACE" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == -signal.SIGKILL, done.stderr
    with open_pack(scene.path) as pack:
        assert digest(pack) == before
    write_pack(scene.path, COUNT, overwrite=True, resume=True)
    with open_pack(scene.path) as pack:
        assert len(pack) == len(kept(COUNT)) and pack.verify().ok
    assert os.listdir(quick_path) == [scene.path.name]


def test_work_in_a_child_reports_its_end() -> None:
    assert in_child(lambda: None) == 0
    assert in_child(lambda: os._exit(3)) == 3
    assert killed_at(1, lambda: os.mkdir("/nowhere/at/all")) == -signal.SIGKILL

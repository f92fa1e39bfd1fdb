"""Conversions that are killed, interrupted or run out of disk: nothing half, nothing lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from converting import class_folders, content, write_image

from fastdata.converters import Progress, convert
from fastdata.errors import StorageError
from fastdata.packs import open_pack, partial_of

KILLS = int(os.environ.get("FASTDATA_KILLS", "3"))
SCRIPT = """
import sys
from fastdata.converters import Progress, convert
resume = "resume" in sys.argv
convert(sys.argv[1], sys.argv[2], workers=2, overwrite=True, resume=resume,
        progress=lambda p: print(p.phase, p.done, flush=True) if "tell" in sys.argv else None)
"""


def start(source: Path, out: Path, *words: str) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", SCRIPT, str(source), str(out), *words]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 images of about 20 kB, enough for kills to fall into every phase."""
    root = tmp_path_factory.mktemp("many")
    for i in range(20):
        data = write_image(root / f"class{i % 4}/{i}.jpg", 150, 200, seed=i)
        for copy in range(29):
            (root / f"class{i % 4}/{i}-{copy}.jpg").write_bytes(data)
    return root


@pytest.mark.parametrize("suffix", ["lmdb", "h5"])
def test_kills_at_random_moments(suffix: str, many: Path, tmp_path: Path) -> None:
    out = tmp_path / f"o.{suffix}"
    old = class_folders(tmp_path / "old", 2)
    convert(old, out, workers=0)
    before = content(out)
    convert(many, tmp_path / f"whole.{suffix}", workers=0)
    whole = content(tmp_path / f"whole.{suffix}")
    rng = random.Random(KILLS)
    killed = kept = 0
    for _ in range(KILLS):
        # The whole run prints about 600 lines; the kill comes after a random one of them.
        with start(many, out, "tell", "resume") as run:
            assert run.stdout is not None
            for _ in range(rng.randint(0, 620)):
                if not run.stdout.readline():
                    break
            children = psutil.Process(run.pid).children() if run.poll() is None else []
            run.kill()
        killed += run.returncode == -signal.SIGKILL
        assert not psutil.wait_procs(children, timeout=10)[1]
        kept += partial_of(out).is_dir()
        # The pack is the old one or, when the kill came too late, the new one; never half of it.
        with open_pack(out, verify="always") as pack:
            assert pack.verify().ok
        assert content(out) in (before, whole)
    with start(many, out, "resume") as run:
        assert run.wait() == 0, run.stderr
    assert content(out) == whole
    assert not partial_of(out).exists()
    assert killed >= KILLS // 2 and kept >= 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_and_leaves_a_partial(
    number: signal.Signals, many: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o.lmdb"
    with start(many, out, "tell") as run:
        assert run.stdout is not None
        while not run.stdout.readline().startswith(b"convert 100"):
            pass
        children = psutil.Process(run.pid).children()
        run.send_signal(number)
        run.stdout.read()
    assert run.returncode == -number
    assert len(children) == 2 and not psutil.wait_procs(children, timeout=5)[1]
    assert not out.exists()
    assert partial_of(out).is_dir()
    # How much was kept depends on the moment: all up to it, or up to the last line of the journal.
    assert convert(many, out, workers=2, overwrite=True, resume=True).count == 600


def test_workers_that_are_killed_from_outside_change_nothing(many: Path, tmp_path: Path) -> None:
    with start(many, tmp_path / "o.lmdb", "tell") as run:
        assert run.stdout is not None
        me = psutil.Process(run.pid)
        for line in run.stdout:
            if line.startswith(b"convert") and int(line.split()[1]) % 100 == 0:
                for child in me.children()[:1]:
                    child.kill()
    assert run.returncode == 0
    convert(many, tmp_path / "whole.lmdb", workers=0)
    assert content(tmp_path / "o.lmdb") == content(tmp_path / "whole.lmdb")


def test_a_worker_that_is_stopped_from_outside_changes_nothing(many: Path, tmp_path: Path) -> None:
    before = set(psutil.Process().children())

    def stop_one(progress: Progress) -> None:
        if (progress.phase, progress.done) == ("convert", 50):
            (set(psutil.Process().children()) - before).pop().suspend()

    out = tmp_path / "o.lmdb"
    summary = convert(many, out, workers=2, item_timeout=1, progress=stop_one)
    assert (summary.count, summary.rejected) == (600, 0)
    assert set(psutil.Process().children()) <= before


@pytest.mark.parametrize("suffix", ["lmdb", "h5"])
def test_a_full_disk_is_an_error_that_a_resume_survives(
    suffix: str, many: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs is not permitted here")
    try:
        out = disk / f"o.{suffix}"
        with pytest.raises(StorageError, match="resume") as caught:
            convert(many, out, codec="keep", workers=0)
        assert caught.value.exit_code == 5
        assert not out.exists()
        grow = ["mount", "-o", "remount,size=64m", str(disk)]
        subprocess.run(grow, check=True, capture_output=True)
        assert convert(many, out, codec="keep", workers=0, resume=True).count == 600
        convert(many, tmp_path / f"whole.{suffix}", codec="keep", workers=0)
        assert content(out) == content(tmp_path / f"whole.{suffix}")
    finally:
        # Lazily, because the maps of opened packs live until their last array is collected.
        subprocess.run(["umount", "--lazy", str(disk)], check=True)

"""Ctrl-C and SIGTERM: the right exit code, no orphan, and a partial pack that goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from commands import command_line, environment, run
from PIL import Image

from fastdata import open_pack

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough large images that a conversion to PNG is still running when the signal comes."""
    root = tmp_path_factory.mktemp("many") / "cat"
    root.mkdir()
    noise = Image.effect_noise((700, 500), 60)
    noise.save(root / "0.jpg")
    for index in range(1, 200):
        (root / f"{index}.jpg").hardlink_to(root / "0.jpg")
    return root.parent


def start(source: Path, out: Path) -> subprocess.Popen[bytes]:
    words = ("convert", source, out, "--codec", "raw", "--channels", "1", "--workers", "2")
    return subprocess.Popen(
        command_line(words), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def staged_bytes(partial: Path) -> int:
    try:
        return sum(path.stat().st_size for path in partial.rglob("*"))
    except FileNotFoundError:  # a file that was there when the folder was read
        return 0


def wait_until_packing(process: subprocess.Popen[bytes], partial: Path) -> list[psutil.Process]:
    """Waits for the first samples in the partial pack; the command's children at that moment."""
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        if staged_bytes(partial) > 600_000:
            return parent.children(recursive=True)
        time.sleep(0.005)
    raise AssertionError(process.communicate())


@pytest.mark.parametrize(
    ("number", "times"), [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGINT, 2)]
)
def test_a_signal_ends_the_conversion_and_resume_goes_on(
    many: Path, tmp_path: Path, number: signal.Signals, times: int
) -> None:
    out = tmp_path / "many.lmdb"
    with start(many, out) as process:
        children = wait_until_packing(process, tmp_path / "many.lmdb.partial")
        for _ in range(times):
            process.send_signal(number)
        # The promise is five seconds; communicate raises when it is broken.
        stdout, stderr = process.communicate(timeout=5)
    assert process.returncode == 128 + number
    assert b"Traceback" not in stderr
    assert stdout == b""
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    assert not out.exists()
    done = run("convert", many, out, "--codec", "raw", "--channels", "1", "--resume", "--json")
    assert done.code == 0, done.err
    assert done.json["count"] == 200
    with open_pack(out) as pack:
        assert pack.verify().ok


def test_the_user_is_told_how_to_go_on(many: Path, tmp_path: Path) -> None:
    out = tmp_path / "many.h5"
    with start(many, out) as process:
        wait_until_packing(process, tmp_path / "many.h5.partial")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert b"--resume" in stderr.splitlines()[-1]


def test_a_main_thread_that_hangs_in_native_code_is_ended_with_its_children() -> None:
    code = (
        "import hashlib, subprocess, sys\n"
        "from fastdata.cli import signals\n"
        "signals.GRACE_SECONDS = 0.2\n"
        "signals.install()\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "while True:\n"
        "    try:\n"
        "        print(child.pid, flush=True)\n"
        "        hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)\n"
        "    except KeyboardInterrupt: pass\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=5)
    assert process.returncode == 128 + signal.SIGTERM
    _, alive = psutil.wait_procs([child], timeout=5)
    assert alive == []


def test_signals_that_nohup_ignores_stay_ignored(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from fastdata.cli import signals\n"
        "signals.install()\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('alive')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "alive\n"

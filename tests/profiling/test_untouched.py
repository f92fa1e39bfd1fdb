"""A script notices nothing of being profiled: its output, exit code, random numbers, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from commands import command_line, environment, run
from profiled import TRAIN, loop, profile

from fastdata.profiling import read_profile

TELLING = loop(
    TRAIN,
    setup="""
    import random, numpy, pathlib
    print(sys.argv[1:], __name__, __file__, sys.path[0] == str(pathlib.Path(__file__).parent))
    print([entry for entry in sys.path if "bootstrap" in entry], sys.flags.isolated)
    random.seed(3); numpy.random.seed(3)
    """,
) + (
    "print(loss.item(), torch.rand(3), random.random(), numpy.random.rand(2))\n"
    "print(torch.nn.Module.__call__.__name__, file=sys.stderr)\n"
    "sys.exit(41)\n"
)


def test_output_arguments_random_numbers_and_exit_code_are_the_scripts(tmp_path: Path) -> None:
    done = profile(tmp_path, TELLING, "--lr", "3 4", "-v")
    plain = subprocess.run(
        [sys.executable, str(tmp_path / "train_it.py"), "--lr", "3 4", "-v"],
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert (done.ended.out, done.ended.code) == (plain.stdout, 41)
    assert done.ended.err.startswith(plain.stderr) and len(plain.stderr) > 5
    assert done.profile.steps == 20
    assert done.profile.command[-3:] == ("--lr", "3 4", "-v")


def test_an_error_of_the_script_is_shown_as_if_nobody_watched(tmp_path: Path) -> None:
    done = profile(tmp_path, loop("net(x[:, :5])"))
    plain = subprocess.run(
        [sys.executable, str(tmp_path / "train_it.py")],
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert done.ended.code == plain.returncode == 1
    assert done.ended.err.startswith(plain.stderr)
    assert b"Traceback" in plain.stderr
    assert done.profile.verdict.kind == "INCOMPLETE"


@pytest.mark.parametrize(
    ("leave", "code", "note"),
    [
        ("os._exit(5)", 5, "the command left by os._exit, or became another program"),
        ("os.kill(os.getpid(), 9)", 137, "the command was ended by SIGKILL"),
        ("os.kill(os.getpid(), 15)", 143, "the command was ended by SIGTERM"),
        ("raise KeyboardInterrupt", 130, "the command was ended by SIGINT"),
        ("pass", 0, None),
    ],
)
def test_whatever_ends_it_its_steps_are_reported(
    tmp_path: Path, leave: str, code: int, note: str | None
) -> None:
    done = profile(tmp_path, f"{loop()}\n{leave}\n", options=("--warmup", "2"))
    assert done.ended.code == code
    assert done.profile.steps == 28
    without_gpu = "no GPU was used: what makes the CPU wait for one was not counted"
    assert done.profile.notes == (*([] if note is None else [note]), without_gpu)


def test_a_signal_to_the_profiler_reaches_the_script(tmp_path: Path) -> None:
    script = tmp_path / "wait.py"
    script.write_text(
        "import signal, sys, time, torch\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(7)))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(0.05)\n"
    )
    words = ["profile", "-o", tmp_path, "--", script]
    with subprocess.Popen(
        command_line(words), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b"saved\n"
        assert process.wait() == 7
    assert read_profile(tmp_path / "report.json").steps == 0


def own_files() -> set[Path]:
    folders = Path("/dev/shm"), Path(tempfile.gettempdir())
    return {path for folder in folders for path in folder.glob("*fastdata*profile*")}


def test_nothing_is_left_when_the_profiler_itself_is_killed(tmp_path: Path) -> None:
    before = own_files()
    script = tmp_path / "wait.py"
    script.write_text(
        "import os, sys, torch\nprint(os.getpid(), flush=True)\nsys.stdin.read()\nprint('end')"
    )
    words = ["profile", "-o", tmp_path / "out", "--", script]
    with subprocess.Popen(
        command_line(words),
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        child = int(process.stdout.readline())
        process.kill()
        process.wait()
        process.stdin.close()
        assert process.stdout.read() == b"end\n"
    while Path(f"/proc/{child}/stat").exists():
        time.sleep(0.05)
    assert own_files() == before
    assert not (tmp_path / "out").exists()


def test_the_environments_own_sitecustomize_still_runs(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import builtins; builtins.its_own = __name__\n")
    script = "print(its_own)\nimport sitecustomize; print(sitecustomize.__file__)\n"
    done = profile(tmp_path, script, env={"PYTHONPATH": str(own)})
    assert done.ended.text.splitlines() == ["sitecustomize", str(own / "sitecustomize.py")]


def test_a_script_may_ask_for_torch_before_it_imports_it(tmp_path: Path) -> None:
    script = f"""
import importlib.util
print(importlib.util.find_spec("torch").loader.get_filename("torch") is not None)
print(importlib.util.find_spec("torch").origin.endswith("__init__.py"))
{loop()}
print(type(torch.__loader__) is type(os.__loader__) or torch.__loader__ is torch.__spec__.loader)
"""
    done = profile(tmp_path, script)
    assert done.ended.text == "True\nTrue\nTrue\n" and done.profile.steps == 20


def test_a_command_that_is_none_is_one_line(tmp_path: Path) -> None:
    done = run("profile", "-o", tmp_path, "--", "no-such-program")
    assert done.code == 2
    assert done.lines == [
        "fastdata: error: cannot start 'no-such-program': No such file or directory; expected a "
        "program, a script ending in .py, or -m MODULE after --"
    ]
    assert run("profile").code == 2


@pytest.mark.parametrize("flag", ["-I", "-E"])
def test_a_python_that_ignores_its_environment_is_incomplete(tmp_path: Path, flag: str) -> None:
    script = tmp_path / "train.py"
    script.write_text("import torch; print(1)")
    done = run("profile", "--json", "-o", tmp_path, "--", sys.executable, flag, str(script))
    assert done.code == 0
    report = json.loads(done.text.split("\n", 1)[1])
    assert report["verdict"]["kind"] == "INCOMPLETE" and report["exposed_share"] is None
    assert "started with -I, -E or -S" in report["verdict"]["sentence"]


def test_modules_and_other_programs_that_start_python_are_seen(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "train.py").write_text(loop())
    env = {"PYTHONPATH": str(tmp_path)}
    done = run("profile", "-o", tmp_path / "a", "--", "-m", "pkg.train", env=env)
    assert done.code == 0 and read_profile(tmp_path / "a" / "report.json").steps == 20
    line = f"{sys.executable} -m pkg.train"
    done = run("profile", "-o", tmp_path / "b", "--", "sh", "-c", line, env=env)
    assert done.code == 0 and read_profile(tmp_path / "b" / "report.json").steps == 20
    assert os.path.exists(tmp_path / "b" / "report.json")

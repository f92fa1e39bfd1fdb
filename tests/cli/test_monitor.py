"""``fastdata monitor``: the command runs as without it, and what it used is in log and report."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from cgroups import cpu_quota
from commands import Ended, command_line, environment, run, run_on_terminal
from nvmlstub import build_nvml_stub
from webpages import Page

PYTHON = sys.executable
BUSY = "import time\nwhile time.process_time() < 0.5: pass"


def monitored(*words: str, options: tuple[str | Path, ...] = (), **env: str) -> Ended:
    return run("monitor", "--interval", "0.1", *options, "--", *words, env=env)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_output_and_exit_code_of_the_command_pass_through() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    done = monitored(PYTHON, "-c", code)
    assert done.code == 7
    assert done.out == b"out\n"
    assert done.lines[0] == "err"


def test_the_input_reaches_the_command() -> None:
    words = command_line(("monitor", "--", PYTHON, "-c", "print(input())"))
    done = subprocess.run(words, input=b"hello\n", capture_output=True, env=environment())
    assert (done.returncode, done.stdout) == (0, b"hello\n")


def test_a_command_that_a_signal_ends_is_128_and_its_number() -> None:
    done = monitored(PYTHON, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert done.code == 128 + signal.SIGKILL


def test_what_the_command_used_is_in_the_document_and_its_output_is_not() -> None:
    done = monitored(PYTHON, "-c", f"print('noise')\n{BUSY}", options=("--json",))
    document = done.json
    assert document["exit_code"] == done.code == 0
    assert "noise" in done.lines
    figures = {column["name"]: column for column in document["columns"]}
    assert figures["cpu_cores"]["mean"] * document["seconds"] == pytest.approx(0.5, abs=0.15)
    assert {"mean", "spread", "p95", "peak", "fluctuation"} <= figures["cpu_cores"].keys()
    assert document["status"]["sentence"]


def test_the_report_is_on_stderr_and_names_the_next_command() -> None:
    done = monitored(PYTHON, "-c", BUSY)
    assert done.out == b""
    text = "\n".join(done.lines)
    assert re.search(r"CPU, cores +\d", text)
    assert f"next: fastdata profile -- {PYTHON} -c" in text


def send(tmp_path: Path, number: int, code: str) -> tuple[int, list[dict[str, Any]], bytes]:
    """Starts a monitored program, waits until it is ready, and sends the monitor a signal."""
    log = tmp_path / "run.jsonl"
    words = ("monitor", "--interval", "0.1", "--out", log, "--", PYTHON, "-c", code)
    with subprocess.Popen(
        command_line(words),
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        rest, errors = process.communicate()
    assert b"Traceback (most recent call last)" not in errors.replace(b"KeyboardInterrupt", b"")
    return process.returncode, lines(log), rest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_and_leaves_a_whole_log(tmp_path: Path, number: int) -> None:
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    returned, log, _ = send(tmp_path, number, code)
    assert returned == 128 + number
    assert [log[0]["kind"], log[-1]["kind"]] == ["start", "summary"]
    assert log[-1]["samples"] == len(log) - 2 >= 1


def test_a_command_that_handles_the_signal_ends_in_its_own_time_with_its_own_code(
    tmp_path: Path,
) -> None:
    code = (
        "import signal, sys, time\n"
        "got = []\n"
        "signal.signal(signal.SIGTERM, lambda number, frame: got.append(number))\n"
        "print('ready', flush=True)\n"
        "while not got: time.sleep(0.01)\n"
        # Longer than other commands are given after a signal.
        "time.sleep(4.5)\n"
        "print('saved', len(got), flush=True)\n"
        "sys.exit(3)\n"
    )
    returned, log, rest = send(tmp_path, signal.SIGTERM, code)
    assert returned == 3
    assert rest == b"saved 1\n"
    assert log[-1]["kind"] == "summary"


def test_ctrl_c_on_a_terminal_reaches_the_command_once() -> None:
    code = (
        "import signal, sys, time\n"
        "got = []\n"
        "signal.signal(signal.SIGINT, lambda number, frame: got.append(number))\n"
        "print('ready', flush=True)\n"
        "while not got: time.sleep(0.01)\n"
        "time.sleep(0.5)\n"
        "sys.exit(10 + len(got))\n"
    )
    master, slave = pty.openpty()
    with subprocess.Popen(
        command_line(("monitor", "--", PYTHON, "-c", code)),
        env=environment(),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    ) as process:
        os.close(slave)
        shown = b""
        while b"ready" not in shown:
            shown += os.read(master, 4096)
        os.write(master, b"\x03")
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while os.read(master, 4096):
                pass
    os.close(master)
    assert process.returncode == 11


def test_without_a_command_a_signal_ends_the_watching_with_a_report(tmp_path: Path) -> None:
    log = tmp_path / "machine.csv"
    words = command_line(("monitor", "--interval", "0.1", "--out", log))
    with subprocess.Popen(
        words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None and not (log.exists() and log.read_text().count("\n") > 2):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert process.returncode == 130
    assert b"CPU, cores" in out
    with open(log, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) >= 2
    assert all(None not in row.values() for row in rows)


def test_the_whole_machine_is_watched_for_a_duration() -> None:
    done = run("monitor", "--duration", "0.5", "--interval", "0.1", "--json")
    assert done.code == 0
    assert done.json["samples"] >= 2
    names = {column["name"] for column in done.json["columns"]}
    assert {"cpu_cores", "processes", "pss_bytes"} <= names


def test_after_the_duration_the_command_goes_on_to_its_own_end() -> None:
    code = "import time; time.sleep(1.5); print('end')"
    done = monitored(PYTHON, "-c", code, options=("--duration", "0.3", "--json"))
    assert "end" in done.lines
    assert done.json["seconds"] < 1.4


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("monitor", "--", "no-such-program"), "'no-such-program'"),
        (("monitor", "--interval", "0"), "--interval"),
        (("monitor", "--out", "run.txt", "--", "true"), "expected .jsonl or .csv"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(
    words: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, b"")
    assert len(done.lines) == 1
    assert named in done.lines[0]


def test_a_log_that_cannot_be_written_stops_before_the_command_starts(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    done = monitored("touch", str(mark), options=("--out", tmp_path / "missing" / "run.csv"))
    assert done.code == 5
    assert len(done.lines) == 1
    assert not mark.exists()


def test_the_chart_beside_the_log_needs_nothing_else_and_tells_the_status(tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    done = monitored(PYTHON, "-c", f"'<b>&'\n{BUSY}", options=("--out", log))
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    page = Page(text)
    assert str(tmp_path / "run.html") in "\n".join(done.lines)
    loads = {"script", "link", "iframe", "img", "object"}
    assert loads.isdisjoint(name for name, _ in page.elements)
    assert not any({"src", "href"} & attributes.keys() for _, attributes in page.elements)
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text
    assert len(page.all("path")) >= 5
    assert "<b>&" in "".join(page.words)
    sentence = lines(log)[-1]["status"]["sentence"]
    assert sentence[1:] in "".join(page.words)


def test_a_gpu_has_its_panel_with_the_target(tmp_path: Path) -> None:
    env = build_nvml_stub(tmp_path)
    monitored(PYTHON, "-c", BUSY, options=("--out", tmp_path / "run.csv"), **env)
    words = "".join(Page((tmp_path / "run.html").read_text(encoding="utf-8")).words)
    assert "GPU busy" in words
    assert "target 85%" in words
    with open(tmp_path / "run.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["gpu1_busy_share"] for row in rows} == {"0.91"}


def test_cpu_is_told_against_the_quota() -> None:
    # So little that it runs out also on a machine that others keep busy.
    with cpu_quota(0.1) as within:
        words = ("monitor", "--interval", "0.2", "--json", "--", PYTHON, "-c", BUSY)
        done = subprocess.run(
            [*within, *map(os.fsdecode, command_line(words))],
            env=environment(),
            capture_output=True,
        )
    document = json.loads(done.stdout)
    figures = {column["name"]: column for column in document["columns"]}
    assert document["cores_allowed"] == 0.1
    assert figures["cpu_share"]["mean"] == pytest.approx(10 * figures["cpu_cores"]["mean"])
    assert figures["cpu_throttled_share"]["mean"] > 0.3
    assert "quota ran out" in document["status"]["sentence"]


def plain(shown: bytes, encoding: str) -> str:
    return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[78])", "", shown.decode(encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "ascii"])
def test_on_a_terminal_the_command_scrolls_above_the_live_lines(encoding: str) -> None:
    code = "import time\nfor i in range(30): print('step', i, flush=True); time.sleep(0.03)"
    words = ("monitor", "--interval", "0.2", "--", PYTHON, "-c", code)
    done = run_on_terminal(*words, env={"PYTHONIOENCODING": encoding})
    assert done.code == 0
    assert done.out.decode(encoding)
    # Six lines are reserved, and all given back at the end.
    assert b"\x1b[1;18r" in done.out
    assert done.out.rindex(b"\x1b[r") > done.out.rindex(b"\x1b[1;18r")
    text = plain(done.out, encoding)
    assert "step 29" in text
    assert "of" in text and "cores" in text
    assert ("▁" in text) == (encoding == "utf-8")


def test_alone_on_a_terminal_it_draws_in_place_and_reports() -> None:
    done = run_on_terminal("monitor", "--interval", "0.2", "--duration", "1")
    text = plain(done.out, "utf-8")
    assert done.code == 0
    assert "the whole machine" in text
    assert max(map(len, text.split("CPU, cores")[-1].splitlines())) <= 80


def test_in_a_pipe_a_command_has_the_output_to_itself() -> None:
    done = monitored(PYTHON, "-c", "print('only')")
    assert done.out == b"only\n"
    assert b"\x1b" not in done.err


def test_a_command_of_words_that_a_shell_would_split_is_told_quoted() -> None:
    done = monitored(PYTHON, "-c", "pass # a b", options=("--json",))
    assert done.json["command"] == [PYTHON, "-c", "pass # a b"]
    assert shlex.quote("pass # a b") in done.json["status"]["next_command"]

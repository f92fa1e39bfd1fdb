"""No output dies on any console, and none holds control codes where no terminal is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from commands import (
    Ended,
    command_line,
    environment,
    one_after_another,
    run,
    run_on_terminal,
)

from fastdata.cli.app import COMMANDS

CONSOLES = {
    "gbk": {"PYTHONIOENCODING": "gbk"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "utf-8": {},
}
ENCODINGS = {"C": "ascii"}

# Chinese, an emoji, markup, an emoji code, a terminal escape, a newline, a byte that is no UTF-8.
HARD_NAME = "数据😀[red]:smile:\x1b[31m\nx".encode() + b"\xff"


def run_to_file(*, line: list[bytes], env: Mapping[str, str]) -> Ended:
    with tempfile.TemporaryFile() as stream:
        done = subprocess.run(line, env=environment(env), stdout=stream, stderr=stream, check=False)
        stream.seek(0)
        return Ended(done.returncode, stream.read(), b"")


HOW = {"pipe": run, "file": run_to_file, "terminal": run_on_terminal}


def check(done: Ended, console: str, *, terminal: bool, code: int = 0) -> None:
    everything = done.out + done.err
    assert done.code == code, everything
    assert b"UnicodeEncodeError" not in everything
    assert b"Traceback" not in everything
    everything.decode(ENCODINGS.get(console, console))
    # What a file name says must never reach the terminal as a command.
    assert b"\x1b[31m\n" not in everything
    if not terminal:
        assert b"\x1b" not in everything


@pytest.fixture
def hard_folder(photos: Path, tmp_path: Path) -> bytes:
    folder = os.fsencode(tmp_path) + b"/" + HARD_NAME
    shutil.copytree(os.fsencode(photos), folder)
    return folder


# Every console through a pipe; those of each kind also into a file and on a terminal.
WAYS = [(console, "pipe") for console in CONSOLES] + [
    ("gbk", "file"),
    ("C", "file"),
    ("gbk", "terminal"),
    ("C", "terminal"),
    ("utf-8", "terminal"),
]


@pytest.mark.parametrize(("console", "way"), WAYS)
def test_every_command_survives(console: str, way: str, hard_folder: bytes) -> None:
    line = one_after_another(
        ("convert", hard_folder, out := hard_folder + b".lmdb", "--workers", "0"),
        ("inspect", out, "--html", hard_folder + b".html"),
        ("verify", out),
        ("monitor", "--out", hard_folder + b".jsonl", "--", "test", "-d", hard_folder),
        ("verify", hard_folder),  # an error names the path
        codes=(0, 0, 0, 0, 4),
    )
    check(HOW[way](line=line, env=CONSOLES[console]), console, terminal=way == "terminal")


@pytest.mark.parametrize("console", ["gbk", "ascii", "C"])
def test_every_help_survives(console: str) -> None:
    helps = [(command, "--help") for command in COMMANDS]
    line = one_after_another(*helps, codes=[0] * len(helps))
    check(run(line=line, env=CONSOLES[console]), console, terminal=False)


@pytest.mark.parametrize(("console", "way"), [("gbk", "terminal"), ("C", "pipe")])
def test_the_demo_survives_and_shows_the_splits(console: str, way: str, tmp_path: Path) -> None:
    out = os.fsencode(tmp_path) + b"/" + HARD_NAME
    words = ("demo", "--samples", "12", "--batch-size", "4", "--steps", "2", "--out", out)
    done = HOW[way](*words, env=CONSOLES[console])
    check(done, console, terminal=way == "terminal")
    text = done.out.decode(ENCODINGS.get(console, console))
    rows = [line for line in text.splitlines() if re.search(r"[#.]{9} +\d+%", line)]
    assert [row.strip("| ").split(",")[0] for row in rows] == ["files", "files", "pack"]
    assert "FastLoader on the pack trains" in text
    assert "sheet.html" in text


def test_ascii_consoles_get_no_box_characters(photo_pack: Path) -> None:
    done = run("inspect", photo_pack, env=CONSOLES["ascii"])
    assert "####" in done.out.decode("ascii")
    assert b"\\u25" not in done.out


def test_names_come_out_readable_where_the_console_can_show_them(photo_pack: Path) -> None:
    assert "狗😀" in run("inspect", photo_pack).text
    assert "狗" in run("inspect", photo_pack, env=CONSOLES["gbk"]).out.decode("gbk")
    assert "\\u72d7\\U0001f600" in run("inspect", photo_pack, env=CONSOLES["C"]).out.decode("ascii")


def test_closed_output_is_no_error(photo_pack: Path) -> None:
    script = f'exec "$0" -m fastdata inspect "{photo_pack}" >&-'
    done = subprocess.run(["sh", "-c", script, command_line(())[0]], stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("console", "way"), [("gbk", "terminal"), ("C", "pipe")])
def test_a_profile_survives_and_shows_its_rows(console: str, way: str, tmp_path: Path) -> None:
    script = os.fsencode(tmp_path) + b"/" + HARD_NAME + b".py"
    Path(os.fsdecode(script)).write_text("import torch\n", encoding="utf-8")
    out = os.fsencode(tmp_path) + b"/" + HARD_NAME
    line = one_after_another(
        ("profile", "-o", out, "--", script),
        ("profile", "--compare", *[out + b"/report.json"] * 2),
        codes=(0, 3),
    )
    done = HOW[way](line=line, env=CONSOLES[console])
    check(done, console, terminal=way == "terminal")
    text = (done.out + done.err).decode(ENCODINGS.get(console, console))
    assert text.count("INCOMPLETE: no optimizer step was seen") == 3

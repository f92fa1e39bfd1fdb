"""What every command promises: help, exit codes, one line an error, quick start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from commands import one_after_another, run

COMMANDS = ("convert", "inspect", "verify", "train", "monitor", "doctor", "demo")


def test_help_shows_an_example_and_the_options_of_all_commands() -> None:
    helps = [(command, "--help") for command in COMMANDS]
    done = run(line=one_after_another(*helps, codes=[0] * len(helps)))
    assert (done.code, done.err) == (0, b"")
    before, *shown = done.text.split("Usage: ")
    assert before.strip() == ""
    for command, text in zip(COMMANDS, shown, strict=True):
        assert f"fastdata {command} " in text.split("Examples")[1]
        for option in ("--json", "--debug", "--help"):
            assert option in text


def test_bare_help_lists_the_commands_with_their_summaries() -> None:
    done = run("--help")
    assert done.code == 0
    for command in COMMANDS:
        assert f" {command} " in done.text


def test_help_loads_neither_torch_nor_the_commands() -> None:
    code = (
        "import sys\n"
        "from fastdata.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'torch', 'numpy', 'h5py', 'lmdb', 'PIL', 'edt'}), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_no_command_needs_torch_to_start() -> None:
    imports = ", ".join(f"fastdata.cli.{command}" for command in COMMANDS)
    # Of profile, what watches a script and what compares reports is imported when it is chosen.
    imports += ", fastdata.cli.profilerun.script, fastdata.cli.profilerun.comparing"
    code = f"import sys, {imports}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_version_is_that_of_the_package() -> None:
    import fastdata

    done = run("--version")
    assert (done.code, done.text.strip()) == (0, f"fastdata {fastdata.__version__}")


def test_no_command_is_a_usage_error_that_shows_the_help() -> None:
    done = run()
    assert done.code == 2
    assert "convert" in done.text


WRONG = [
    (("convret",), "'convert'"),
    (("--nonsense",), "--nonsense"),
    (("convert",), "fastdata convert --help"),
    (("convert", "a", "b.lmdb", "--codec", "gif"), "'--codec': 'gif' is not one of 'auto'"),
    (("convert", "a", "b.lmdb", "--workers", "many"), "--workers"),
    (("convert", "a", "b.lmdb", "--column", "age"), "NAME=KIND"),
    (("inspect", "a.lmdb", "--samples", "0"), "--samples"),
    (("demo", "--samples", "8", "--batch-size", "32"), "--batch-size"),
]


def test_a_wrong_command_line_is_one_line_and_exit_code_2() -> None:
    commands = [words for words, _ in WRONG]
    done = run(line=one_after_another(*commands, codes=[2] * len(commands)))
    assert (done.code, done.out) == (0, b""), done.lines
    for line, (_, named) in zip(done.lines, WRONG, strict=True):
        assert line.startswith("fastdata: error: ")
        assert named in line


def test_a_pack_that_is_none_is_exit_code_4(tmp_path: Path) -> None:
    path = tmp_path / "notes.lmdb"
    path.write_text("not a pack", encoding="utf-8")
    commands = [(command, path) for command in ("inspect", "verify")]
    done = run(line=one_after_another(*commands, codes=(4, 4)))
    assert done.code == 0 and len(done.lines) == 2, done.lines
    assert all("notes.lmdb" in line for line in done.lines)


def test_debug_shows_the_traceback_and_the_line_stays_last(tmp_path: Path) -> None:
    path = tmp_path / "notes.lmdb"
    path.write_text("not a pack", encoding="utf-8")
    done = run("inspect", path, "--debug")
    assert done.code == 4
    assert done.lines[0] == "Traceback (most recent call last):"
    assert done.lines[-1].startswith("fastdata: error: ")


def test_an_error_is_a_json_document_too(tmp_path: Path) -> None:
    path = tmp_path / "notes.lmdb"
    path.write_text("not a pack", encoding="utf-8")
    done = run("verify", path, "--json")
    assert done.code == 4
    assert done.json["error"]["exit_code"] == 4
    assert done.json["error"]["message"] in done.lines[-1]


def test_a_bug_says_that_it_is_one(tmp_path: Path) -> None:
    code = (
        "import fastdata.cli.verify as command\n"
        "from fastdata.cli import main\n"
        "command.open_pack = lambda path: 1 / 0\n"
        "main(['verify', 'x.lmdb'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "bug in fastdata" in done.stderr
    assert "--debug" in done.stderr


def test_a_reader_that_goes_away_ends_the_command_quietly(photo_pack: Path) -> None:
    words = [sys.executable, "-m", "fastdata", "inspect", str(photo_pack), "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("buffering", ["-E", "-u"], ids=["at the end", "in the middle"])
def test_output_that_cannot_be_written_is_a_storage_error(photo_pack: Path, buffering: str) -> None:
    words = [sys.executable, buffering, "-m", "fastdata", "inspect", str(photo_pack)]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 5
    assert done.stderr.count("\n") == 1

"""``fastdata doctor``: every promised line, its state, its remedy, and the exit code."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from cgroups import cpu_quota
from commands import Ended, command_line, environment, run, run_on_terminal

PROMISED = {
    "software": {"Python", "torch", "native core", "Pillow", "libjpeg-turbo", "DALI"},
    "GPU": {"CUDA", "cuDNN"},
    "machine": {"cores", "memory", "/dev/shm", "open files"},
    "speed": {"decode", "decode + resize", "read rate"},
    "security": {"torch", "Pillow", "HDF5", "lmdb", "PyYAML"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is large enough for a rate, on the disk of the temporary folder."""
    path = tmp_path_factory.mktemp("data") / "records.bin"
    with open(path, "wb") as stream:
        stream.write(os.urandom(16 << 20))
        os.fsync(stream.fileno())
    return path


@pytest.fixture(scope="module")
def examined(data: Path) -> Ended:
    return run("doctor", data, "--json")


def found(done: Ended) -> dict[tuple[str, str], dict[str, str]]:
    return {
        (section["title"], finding["name"]): finding
        for section in done.json["sections"]
        for finding in section["findings"]
    }


def test_every_promised_line_is_there_and_what_is_not_ok_has_a_remedy(examined: Ended) -> None:
    done, lines = examined, found(examined)
    assert lines.keys() >= {(title, name) for title, names in PROMISED.items() for name in names}
    assert {line["state"] for line in lines.values()} <= {"ok", "warn", "fail"}
    assert [line for line in lines.values() if line["state"] != "ok" and not line["remedy"]] == []
    failed = [line for line in lines.values() if line["state"] == "fail"]
    assert done.code == done.json["exit_code"] == (6 if failed else 0)
    assert done.json["ok"] == (not failed)
    assert sum(done.json["counts"].values()) == len(lines)


def test_a_failing_line_is_exit_code_6_and_the_others_are_still_told(data: Path) -> None:
    done = run("doctor", data, env={"FASTDATA_NATIVE": "sometimes"})
    assert done.code == 6
    lines = done.text.splitlines()
    assert [line for line in lines if not line.startswith(" ")][:-1] == list(PROMISED)
    states = {tuple(line.split()[:3]): line for line in lines}
    assert "sometimes" in states["fail", "native", "core"]
    assert any(line.startswith("  ok    Python ") for line in lines)
    assert ("ok", "read", "rate") in states
    assert "failure" in lines[-1]


def test_without_a_gpu_it_says_so_once_and_fails_nothing(examined: Ended) -> None:
    lines = found(examined)
    if ("GPU", "GPU 0") in lines:
        pytest.skip("there is a GPU")
    assert lines["GPU", "GPU"]["state"] == "warn"
    assert "NVML" in lines["GPU", "GPU"]["found"]
    assert lines["GPU", "CUDA"]["state"] == "ok"


def test_a_quota_is_counted_and_shows_under_stress(data: Path) -> None:
    command = ("doctor", data, "--stress", "--seconds", "2", "--json")
    with cpu_quota(0.25) as within:
        words = [*within, *map(os.fsdecode, command_line(command))]
        done = subprocess.run(words, env=environment(), capture_output=True)
    lines = found(Ended(done.returncode, done.stdout, done.stderr))
    assert "quota of 0.25 cores" in lines["machine", "cores"]["found"]
    stressed = {name: line for (title, name), line in lines.items() if title == "stress"}
    assert stressed.keys() == {"load", "CPU clock", "CPU quota", "GPU load"}
    assert "photos/s" in stressed["load"]["found"]
    quota = stressed["CPU quota"]
    assert quota["state"] == "warn"
    assert "whole cores" in quota["remedy"]


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    done = run("doctor", tmp_path / "typo.lmdb")
    assert done.code == 2
    assert len(done.lines) == 1
    assert "typo.lmdb" in done.lines[0]


def test_on_a_terminal_of_80_columns_it_folds_and_survives(data: Path) -> None:
    done = run_on_terminal("doctor", data, env={"PYTHONIOENCODING": "gbk"})
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.out.decode("gbk"))
    assert done.code in {0, 6}
    assert max(len(line) for line in plain.splitlines()) <= 80
    assert "Traceback" not in plain

"""The tables of the benchmarks against other loaders, and cases that cannot run."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PEERS = Path(__file__).resolve().parents[2] / "benchmarks" / "peers"
RUN = {"machine": "Linux", "cores": 2, "threads": 2, "rounds": 3, "seconds": 1.0}


def measured(case: str, number: int, rate: float, **other: Any) -> dict[str, Any]:
    record = {"images_per_second": rate, "images_per_cpu_second": rate / 2, "cores": 2.0}
    return record | {"case": case, "round": number, "held_bytes": 2e8, "cores_of_others": 0} | other


def tables(*lines: dict[str, Any]) -> str:
    text = "\n".join(json.dumps(line) for line in (RUN, *lines))
    command = [sys.executable, str(PEERS / "table.py")]
    done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(page: str, label: str) -> list[str]:
    (line,) = (line for line in page.splitlines() if line.startswith(f"| {label} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_ratio_is_taken_within_a_round_and_then_the_median() -> None:
    # The machine is twice as quick in round 1: the ratio of the medians would be 2.
    ours = [measured("fast-lmdb", at, rate) for at, rate in enumerate((1000, 2000, 1000))]
    theirs = [measured("torch-lmdb", at, rate) for at, rate in enumerate((250, 500, 500))]
    page = tables(*ours, *theirs)
    assert row(page, "torch DataLoader + Pillow, LMDB")[1:5] == [
        "500 ± 25%",
        "**4.00x** (2.00 to 4.00)",
        "3.0x",
        "250 (4.00x)",
    ]
    assert row(page, "FastLoader, jpeg-fast, LMDB")[2] == ""


def test_without_the_quickest_pack_the_next_one_is_compared() -> None:
    page = tables(
        {"case": "fast-lmdb", "failed": "no such codec"},
        measured("keep-lmdb", 0, 900),
        measured("torch-lmdb", 0, 300),
    )
    assert "**3.00x**" in row(page, "torch DataLoader + Pillow, LMDB")[2]
    assert row(page, "FastLoader, jpeg-fast, LMDB")[1] == "not measured: no such codec"


def test_a_reason_cannot_break_the_table_and_other_groups_stay_away() -> None:
    page = tables({"case": "dali", "failed": "a | b\nc"}, measured("keep-lmdb", 0, 900))
    assert row(page, "DALI on the CPU, `image_random_crop`")[1] == "not measured: a / b c"
    assert "mosaics" not in page


def test_the_noise_is_told() -> None:
    noisy = (0.0, 0.5, 0.1)
    lines = [measured("fast-lmdb", at, 1, cores_of_others=noise) for at, noise in enumerate(noisy)]
    assert "took 0.10 cores in the median, 0.50 at most" in tables(*lines)


def test_a_peer_that_is_not_installed_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "ffcv").mkdir()
    (tmp_path / "ffcv" / "FAILED.txt").write_text("error: no turbojpeg.h\n", encoding="utf-8")
    command = [sys.executable, str(PEERS / "run.py"), "--photos", str(tmp_path)]
    command += ["--environments", str(tmp_path), "--data", str(tmp_path / "data")]
    command += ["--only", "torch-files", "ffcv-jpg"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()[1:]]
    assert records == [
        {
            "case": "torch-files",
            "failed": f"no environment 'main' in {tmp_path}; install.py makes it",
        },
        {"case": "ffcv-jpg", "failed": "error: no turbojpeg.h"},
    ]
    assert row(done.stderr, "FFCV, JPEG q95")[1] == "not measured: error: no turbojpeg.h"


def test_a_case_that_fails_says_why_and_is_not_tried_again(tmp_path: Path) -> None:
    """FastLoader on a folder without photos."""
    command = [sys.executable, str(PEERS / "run.py"), "--photos", str(tmp_path)]
    command += ["--data", str(tmp_path / "data"), "--only", "keep-lmdb", "--rounds", "2"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    (record,) = (json.loads(line) for line in done.stdout.splitlines()[1:])
    assert record["failed"] == f"FileNotFoundError: no .jpg or .jpeg in {tmp_path}"


def test_a_data_folder_belongs_to_one_run_and_to_one_folder_of_photos(tmp_path: Path) -> None:
    """Two runs at once would measure each other; figures of other photos would be wrong."""

    def run(photos: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(PEERS / "run.py"), "--photos", str(photos)]
        command += ["--data", str(tmp_path / "data"), "--rounds", "0", "--only", "torch-files"]
        command += ["--environments", str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")

    assert run(tmp_path).returncode == 0
    other = run(PEERS)
    assert other.returncode == 1
    assert other.stderr.startswith(f"{tmp_path / 'data'} is made of {tmp_path}, not of {PEERS};")
    with open(tmp_path / "data" / "photos.txt", encoding="utf-8") as note:
        fcntl.flock(note, fcntl.LOCK_EX)
        assert run(tmp_path).stderr == f"another run uses {tmp_path / 'data'}; wait for it\n"

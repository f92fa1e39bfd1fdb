"""What the table of the GPU benchmark makes of its lines, and what it calls a fault."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from gpurows.cases import OURS, POSSIBLE
from gpurows.launching import lines_of
from gpurows.starts_table import starts_faults, starts_report
from gpurows.table import faults, ratios, report

GPU = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


def measured(case: str, measure: str, rate: float, **other: Any) -> dict[str, Any]:
    line = {"case": case, "measure": measure, "images_per_second": rate, "round": 0}
    line |= {"gpu_busy": 0.5, "cores_busy": 0.25, "cores_of_others": 0.0}
    return line | {"started": "today", "place": "a machine"} | other


def start(number: int, **held: int) -> dict[str, Any]:
    usual = {"gpu_used_bytes": 10**9, "held_bytes": 10**9, "threads": 20, "files": 30}
    return {"case": "epoch-starts", "start": number, "place": "a machine"} | usual | held


def test_the_figures_stand_in_their_columns() -> None:
    page = report(
        [
            measured(OURS, "load", 13_000),
            measured(OURS, "train", 1_900, gpu_busy=0.99),
            measured("dali-files", "load", 10_000),
            measured("dali-files", "train", 1_800),
            measured(POSSIBLE, "train", 2_000),
        ]
    )
    assert (
        "| DALI written by hand, files | 10,000 | **1.30x** | 1.3x | 50% | 25% | 1,800 "
        "| **90.0%** |  | 50% | 25% |"
    ) in page
    assert (
        "| FastLoader, `dali` | 13,000 |  |  | 50% | 25% | 1,900 | **95.0%** | 95% | 99% | 25% |"
    ) in page
    assert page.endswith(
        "Run on a machine. Meanwhile other processes took 0.00 cores in the median, 0.00 at most."
    )


def test_the_place_is_that_of_the_figures() -> None:
    lacking = {"case": OURS, "round": 0, "place": "without a GPU", "failed": "no GPU at hand"}
    assert "Run on without a GPU." in report([lacking])
    assert "Run on a machine. " in report([lacking, measured("dali-files", "load", 10_000)])


def test_what_is_asked_and_not_reached_is_a_fault() -> None:
    lines = [
        measured(OURS, "load", 12_000),
        measured("dali-files", "load", 10_000),
        measured(OURS, "train", 1_880),
        measured(POSSIBLE, "train", 2_000),
    ]
    assert faults(lines) == [
        "training with FastLoader, `dali` reaches 94.0% of the possible; expected 95%",
        "FastLoader dali is 1.20x of DALI written by hand, files; expected 1.3x",
    ]
    assert faults(lines[:1]) == []


def test_ratios_need_the_same_round_of_the_same_run() -> None:
    lines = [
        measured(OURS, "load", 100),
        measured(OURS, "load", 300, round=1),
        measured("dali-files", "load", 150, round=1),
        measured("dali-files", "load", 10, started="yesterday"),
    ]
    assert ratios(lines, OURS, "dali-files", measure="load") == [2.0]


def test_a_case_that_ended_in_training_keeps_what_it_loaded() -> None:
    failed = measured(OURS, "load", 1) | {"failed": "out of | memory\n"}
    del failed["measure"]
    page = report([measured(OURS, "load", 9_000), failed])
    assert "| FastLoader, `dali` | 9,000 |  |  | 50% | 25% | out of / memory |" in page


def test_memory_that_grows_with_epoch_starts_does_not_pass() -> None:
    steady = [start(50, held_bytes=1), start(250), start(500), start(1000, held_bytes=10**9 + 1)]
    assert starts_faults(steady) == []
    assert "+0.00 kB of GPU memory used, +0.00 kB of host memory" in starts_report(steady)
    assert "from the first quarter on, passes. Run on a machine." in starts_report(steady)
    leaking = [*steady[:3], start(1000, gpu_used_bytes=10**9 + 75_000_000, threads=770)]
    assert starts_faults(leaking) == [
        "GPU memory used grew from epoch start 250 to 1000 by 75 MB; at most 17 MB expected",
        "threads grew from epoch start 250 to 1000 by 750; at most 2 expected",
    ]
    assert "+100.00 kB of GPU memory used" in starts_report(leaking)
    assert "does not pass: GPU memory used grew" in starts_report(leaking)
    killed = {"case": "epoch-starts", "place": "a machine", "failed": "killed"}
    assert "does not pass: killed" in starts_report([*steady, killed])


def test_lines_of_another_run_make_the_same_table(tmp_path: Path) -> None:
    lines = [measured(OURS, "load", 100), measured("dali-files", "load", 100)]
    log = tmp_path / "log"
    text = "\n".join(("16:00 round 1 of 1", *map(json.dumps, lines)))
    log.write_text(text, encoding="utf-8")
    command = [sys.executable, str(GPU), "--lines", str(log)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 1
    assert [json.loads(line) for line in done.stdout.splitlines()] == lines
    assert report(lines) in done.stderr
    assert done.stderr.endswith("is 1.00x of DALI written by hand, files; expected 1.3x\n")


def test_a_process_that_takes_too_long_is_ended_and_named() -> None:
    words = ("synthetic", "nowhere", "--device", "cpu", "--batch", "1", "--batches", "1000000")
    found = list(lines_of("case", (*words, "--seconds", "600"), limit_seconds=3))
    assert found == [{"failed": "no result within 3 seconds"}]

"""The ledger of what-ifs: its arithmetic, its table, and a run of the demo at a tiny size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from whatif_ledger import compare, table

LEDGER = Path(__file__).resolve().parents[2] / "benchmarks" / "whatif_ledger.py"


def told(now: float, command: str | None = None, **more: float) -> dict[str, Any]:
    return {"verdict": "a verdict", "command": command, "now": now, "more_workers": more or None}


def test_the_command_is_followed_and_the_error_is_signed() -> None:
    first, second = compare(
        {
            0: told(0.2, "num_workers: 0 -> 1", median=0.11, low=0.1, high=0.12),
            1: told(0.1, "num_workers: 1 -> 2", median=0.06, low=0.05, high=0.07),
            2: told(0.08),
        }
    )
    assert first["error"] == pytest.approx(110 - 100) and first["inside"] is True
    assert second["error"] == pytest.approx(60 - 80) and second["inside"] is False
    page = table({"case": "c", "place": "a machine"} | line for line in (first, second))
    assert (
        "| c | num_workers: 0 -> 1 | 200.0 ms | 110.0 ms (100.0 to 120.0) | 100.0 ms "
        "| +10.0 ms, +10.0% | yes |"
    ) in page
    assert "| 80.0 ms | -20.0 ms, -25.0% | **no** |" in page


def test_another_verdict_is_no_prediction() -> None:
    (line,) = compare({0: told(0.2, None), 1: told(0.1)})
    assert line["failed"] == "the verdict is a verdict" and "predicted" not in line
    page = table([{"case": "c", "place": "p"} | line])
    assert "| c | none | 200.0 ms | the verdict is a verdict |  |  |  |" in page


def test_the_demo_is_run_as_its_verdicts_say() -> None:
    tiny = ("--samples", "16", "--batch", "4", "--steps", "12", "--rounds", "1")
    done = subprocess.run(
        [sys.executable, str(LEDGER), *tiny], capture_output=True, text=True, encoding="utf-8"
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["workers"] for line in lines] == [0, 1], done.stderr
    # Steps so short may be called anything on a busy machine; each line then says what.
    for line in lines:
        assert "failed" in line or line["low"] <= line["predicted"] <= line["high"]
    assert done.stderr.count("| demo, files |") == 2
    assert done.returncode == any("failed" in line for line in lines)

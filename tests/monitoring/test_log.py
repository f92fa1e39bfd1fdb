"""What a monitor writes to a file, and what happens when it cannot."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from monitored import wait_for_samples

from fastdata.monitoring import Monitor


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_jsonl_log_names_its_columns_with_units_and_ends_in_the_summary(tmp_path: Path) -> None:
    with Monitor(0.1, out=tmp_path / "run.jsonl") as monitor:
        wait_for_samples(monitor, 3)
    start, *samples, last = lines(tmp_path / "run.jsonl")
    assert (start["kind"], last["kind"]) == ("start", "summary")
    names = {column["name"] for column in start["columns"]}
    assert names >= {
        "cpu_cores", "cpu_share", "cpu_throttled_share", "pss_bytes", "shm_bytes",
        "read_bytes_per_second", "minor_faults_per_second", "major_faults_per_second",
    }  # fmt: skip
    assert all(column["unit"] in {"share", "cores", "bytes", "bytes/s", "faults/s", "watts", ""}
               for column in start["columns"])  # fmt: skip
    assert len(samples) == last["samples"] == monitor.summary().samples >= 3
    for sample in samples:
        assert sample["kind"] == "sample"
        assert names <= sample.keys()
    assert [s["seconds"] for s in samples] == sorted(s["seconds"] for s in samples)


def test_a_csv_log_has_a_header_and_one_row_a_sample(tmp_path: Path) -> None:
    with Monitor(0.1, out=tmp_path / "run.csv") as monitor:
        wait_for_samples(monitor, 2)
    with open(tmp_path / "run.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == monitor.summary().samples
    assert float(rows[0]["cpu_share"]) >= 0
    assert float(rows[0]["interval_seconds"]) > 0


def test_an_exception_of_the_run_passes_and_the_log_is_complete(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Monitor(0.1, out=tmp_path / "run.jsonl"):
        raise ZeroDivisionError
    assert lines(tmp_path / "run.jsonl")[-1]["kind"] == "summary"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_is_named_once_and_the_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    before = set(os.listdir("/proc/self/fd"))
    with Monitor(0.05, out=path) as monitor:
        log = descriptor_of(path)
        kept, full = os.dup(log), os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, log)
        wait_for_samples(monitor, monitor.summary().samples + 2)
        failed_at = path.stat().st_size
        os.dup2(kept, log)
        os.close(full)
        os.close(kept)
        wait_for_samples(monitor, monitor.summary().samples + 2)
    summary = monitor.summary()
    assert summary.samples >= 3
    told = [line for line in summary.unseen if line.startswith("log: ")]
    assert len(told) == 1
    assert "No space left" in told[0]
    # A line that follows one that was cut off would be glued to it.
    assert path.stat().st_size == failed_at
    assert set(os.listdir("/proc/self/fd")) <= before


def descriptor_of(path: Path) -> int:
    (found,) = (
        int(name)
        for name in os.listdir("/proc/self/fd")
        if os.path.realpath(f"/proc/self/fd/{name}") == str(path.resolve())
    )
    return found

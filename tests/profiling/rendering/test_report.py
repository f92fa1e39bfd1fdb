"""A report is three files that were all written whole, or what was there before."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from profiles import compute_bound, data_bound
from webpages import Page

from fastdata.errors import StorageError
from fastdata.profiling import read_profile
from fastdata.profiling.rendering.report import write_report

NAMES = ["report.html", "report.json", "trace.json"]


def test_the_folder_holds_all_three_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "before"
    written = write_report(data_bound(), folder)
    assert sorted(path.name for path in written) == NAMES
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    assert read_profile(folder / "report.json") == data_bound()
    assert json.loads((folder / "trace.json").read_text(encoding="utf-8"))["traceEvents"]
    assert Page((folder / "report.html").read_text(encoding="utf-8")).words


def test_a_second_report_takes_the_place_of_the_first(tmp_path: Path) -> None:
    write_report(data_bound(), tmp_path)
    write_report(compute_bound(), tmp_path)
    assert read_profile(tmp_path / "report.json") == compute_bound()
    assert "data-bound" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_one_file_that_cannot_be_written_leaves_the_earlier_report(tmp_path: Path) -> None:
    write_report(data_bound(), tmp_path)
    (tmp_path / f"trace.json.{os.getpid()}.partial").mkdir()
    with pytest.raises(StorageError, match=r"cannot write .*trace\.json: Is a directory; free"):
        write_report(compute_bound(), tmp_path)
    assert read_profile(tmp_path / "report.json") == data_bound()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == NAMES


def test_a_name_in_no_encoding_is_written(tmp_path: Path) -> None:
    write_report(data_bound(command=("python", "\udcff.py"), notes=("\udcff",)), tmp_path)
    assert read_profile(tmp_path / "report.json").notes == ("\\udcff",)

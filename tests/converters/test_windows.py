"""Series to windows: targets, gaps, class codes, and storage as one array."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdata.converters import convert
from fastdata.converters.options import ConvertOptions
from fastdata.converters.windows import list_windows, window_starts
from fastdata.errors import FastDataError, InputError, LabelError, UsageError
from fastdata.packs import open_pack


def csv_of(path: Path, values: np.ndarray, names: str = "a,b") -> Path:
    lines = [",".join("NA" if np.isnan(v) else f"{v:g}" for v in row) for row in values]
    path.write_text("\n".join([names, *lines]) + "\n", encoding="utf-8")
    return path


def ramp(rows: int) -> np.ndarray:
    return np.arange(rows * 2, dtype=np.float64).reshape(rows, 2)


@pytest.mark.parametrize("suffix", ["lmdb", "h5"])
@pytest.mark.parametrize(("stride", "horizon"), [(1, 1), (3, 0), (2, 4)])
def test_windows_and_targets(suffix: str, stride: int, horizon: int, tmp_path: Path) -> None:
    values = ramp(30)
    path = csv_of(tmp_path / "s.csv", values)
    out = tmp_path / f"o.{suffix}"
    summary = convert(path, out, window=5, stride=stride, horizon=horizon, target="b")
    starts = list(range(0, 30 - 5 - horizon + 1, stride))
    assert (summary.layout, summary.count) == ("windows", len(starts))
    with open_pack(out) as pack:
        assert pack.schema["window"].features == ("a", "b")
        for i, start in enumerate(starts):
            np.testing.assert_array_equal(pack[i].window, values[start : start + 5])
            assert pack[i].target == values[start + 4 + horizon, 1]


def test_the_series_is_stored_once(tmp_path: Path) -> None:
    path = tmp_path / "s.npy"
    np.save(path, np.random.default_rng(0).random((5_000, 8), np.float32))
    summary = convert(path, tmp_path / "o.lmdb", window=100)
    assert summary.count == 4_901
    # 160 kB of series; copied into every window it would be 15 MB.
    assert summary.pack_bytes < 600_000


def test_rows_with_missing_values_are_an_error_by_default(tmp_path: Path) -> None:
    values = ramp(10)
    values[4, 1] = np.nan
    path = csv_of(tmp_path / "s.csv", values)
    with pytest.raises(LabelError, match=r"1 of 10 rows.*--missing drop.*line 6, column 'b'"):
        convert(path, tmp_path / "o.lmdb", window=2)


def test_no_window_crosses_a_dropped_row(tmp_path: Path) -> None:
    values = ramp(20)
    values[7, 0] = np.nan
    path = csv_of(tmp_path / "s.csv", values)
    convert(path, tmp_path / "o.lmdb", window=3, target="a", missing="drop")
    with open_pack(tmp_path / "o.lmdb") as pack:
        firsts = [int(pack[i].window[0, 1]) // 2 for i in range(len(pack))]
        assert firsts == [0, 1, 2, 3, *range(8, 17)]
        assert [float(pack[i].target) for i in (3, 4)] == [values[6, 0], values[11, 0]]


def test_a_missing_value_in_an_unused_column_does_not_matter(tmp_path: Path) -> None:
    values = ramp(10)
    values[5, 1] = np.nan
    path = csv_of(tmp_path / "s.csv", values)
    assert convert(path, tmp_path / "o.lmdb", window=3, features=("a",)).count == 8
    skipped = convert(path, tmp_path / "p.lmdb", window=3, columns={"b": "skip"})
    assert skipped.schema["window"].features == ("a",)


def test_filling_takes_the_value_before_and_never_one_after(tmp_path: Path) -> None:
    values = ramp(10)
    values[[0, 1], 0] = np.nan
    values[[5, 6], 1] = np.nan
    path = csv_of(tmp_path / "s.csv", values)
    summary = convert(path, tmp_path / "o.lmdb", window=8, missing="fill")
    assert any("first 2 row(s) have none before them" in note for note in summary.notes)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack[0].window[:, 1].tolist() == [5, 7, 9, 9, 9, 15, 17, 19]


def test_text_columns_are_class_coded_and_counters_left_out(tmp_path: Path) -> None:
    rows = "".join(f"{i + 1},{i % 3},{'NW' if i % 2 else 'SE'}\n" for i in range(10))
    (tmp_path / "s.csv").write_text("No,x,wind\n" + rows, encoding="utf-8")
    summary = convert(tmp_path / "s.csv", tmp_path / "o.lmdb", window=4)
    window = summary.schema["window"]
    assert window.features == ("x", "wind")
    assert window.categories == (("wind", ("NW", "SE")),)
    assert "column 'No' is left out: it counts the rows" in summary.notes
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack[0].window[:, 1].tolist() == [1, 0, 1, 0]


def test_text_among_numbers_is_named(tmp_path: Path) -> None:
    rows = "".join(f"{i},{'oops' if i == 33 else i}\n" for i in range(50))
    (tmp_path / "s.csv").write_text("x,y\n" + rows, encoding="utf-8")
    with pytest.raises(LabelError, match="line 35, column 'y': found 'oops'; expected a number"):
        convert(tmp_path / "s.csv", tmp_path / "o.lmdb", window=4)


def test_text_that_differs_in_most_rows_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path, out = tmp_path / "s.csv", tmp_path / "o.lmdb"
    for rows in (30, 1_100):
        # A number with a comma is text, too; its codes would be wrong without a word.
        lines = "".join(f"{i},5;{i}\n" for i in range(rows))
        path.write_text("x;y\n" + lines, encoding="utf-8")
        with pytest.raises(UsageError, match=r"column 'x'.*\(--column x=skip\), or code it"):
            convert(path, out, window=4, overwrite=True)
        skipped = convert(path, out, window=4, columns={"x": "skip"}, overwrite=True)
        assert skipped.schema["window"].features == ("y",)
    with pytest.raises(UsageError, match=r"column 'x'.*at most 1000"):
        convert(path, out, window=4, columns={"x": "class"}, overwrite=True)


@pytest.mark.parametrize(
    "time", ["2024-01-31 13:{:02}", "1/2/24 3:{:02}", "13:{:02}", "31.1.20{:02}"]
)
def test_dates_and_times_are_left_out_unless_asked_for(time: str, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    lines = "".join(f"{time.format(i)},{i}\n" for i in range(30))
    path.write_text("when,y\n" + lines, encoding="utf-8")
    summary = convert(path, tmp_path / "o.lmdb", window=4)
    assert summary.schema["window"].features == ("y",)
    assert "column 'when' is left out: it holds dates or times" in summary.notes
    asked = convert(path, tmp_path / "p.lmdb", window=4, columns={"when": "class"})
    assert asked.schema["window"].features == ("when", "y")


def test_a_series_of_nothing_but_times_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("when\n13:00\n14:00\n", encoding="utf-8")
    with pytest.raises(LabelError, match="all columns are left out"):
        convert(tmp_path / "s.csv", tmp_path / "o.lmdb", window=1)


@pytest.mark.parametrize("missing", ["drop", "fill"])
def test_windows_are_named_by_the_lines_and_rows_of_the_source(
    missing: str, tmp_path: Path
) -> None:
    values = ramp(12)
    values[[0, 6], 0] = np.nan
    np.save(tmp_path / "s.npy", values)
    csv_of(tmp_path / "s.csv", values)
    for name, word, first in (("s.csv", "line", 2), ("s.npy", "row", 0)):
        out = tmp_path / f"{name}.lmdb"
        convert(tmp_path / name, out, window=3, missing=missing)
        with open_pack(out) as pack:
            assert pack.key(0) == f"{word} {first + 1}"
            assert pack.key(len(pack) - 1) == f"{word} {first + 9}"


@pytest.mark.parametrize("dtype", ["<f8", ">f4", "<i2", "u1", "?"])
def test_arrays_keep_their_type(dtype: str, tmp_path: Path) -> None:
    values = (np.arange(24).reshape(12, 2) % 7).astype(dtype)
    np.save(tmp_path / "s.npy", values)
    convert(tmp_path / "s.npy", tmp_path / "o.lmdb", window=3, target="f1")
    with open_pack(tmp_path / "o.lmdb") as pack:
        np.testing.assert_array_equal(pack[4].window, values[4:7])
        assert pack[4].target == values[7, 1]


def test_an_npz_joins_its_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", x=ramp(9), y=np.arange(9.0))
    summary = convert(tmp_path / "s.npz", tmp_path / "o.lmdb", window=2, target="y")
    assert summary.schema["window"].features == ("x0", "x1", "y")


def test_pickled_and_broken_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], object), allow_pickle=True)
    np.savez(tmp_path / "o.npz", a=np.array([{"a": 1}], object))
    np.save(tmp_path / "cut.npy", ramp(50))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:-9])
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "text.npz").write_text("no array")
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2)))
    np.savez(tmp_path / "uneven.npz", a=np.zeros(3), b=np.zeros(4))
    for name in ("o.npy", "o.npz", "cut.npy", "text.npy", "text.npz", "cube.npy", "uneven.npz"):
        with pytest.raises(InputError, match=name):
            convert(tmp_path / name, tmp_path / "o.lmdb", window=1)


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "s.csv", ramp(5))
    with pytest.raises(UsageError, match="--window 24"):
        convert(path, tmp_path / "o.lmdb", layout="windows")
    with pytest.raises(UsageError, match="has no column 'c'"):
        convert(path, tmp_path / "o.lmdb", window=2, target="c")
    with pytest.raises(InputError, match=r"no window fits; the longest run.*has 5.*needs 6"):
        convert(path, tmp_path / "o.lmdb", window=5, target="a")


def test_a_limit_spreads_over_the_series(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "s.csv", ramp(100))
    convert(path, tmp_path / "o.lmdb", window=1, limit=4)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert [int(pack[i].window[0, 0]) for i in range(4)] == [0, 50, 100, 150]


@given(
    st.lists(st.booleans(), min_size=1, max_size=60),
    st.integers(1, 8),
    st.integers(1, 5),
)
def test_window_starts_are_those_of_a_plain_search(
    missing: list[bool], reach: int, stride: int
) -> None:
    edges = [-1, *(i for i, gone in enumerate(missing) if gone), len(missing)]
    runs = [(a + 1, b) for a, b in itertools.pairwise(edges) if b > a + 1]
    wanted = [
        start
        for first, stop in runs
        for start in range(first, stop)
        if (start - first) % stride == 0 and start + reach <= stop
    ]
    assert window_starts(runs, reach, stride).tolist() == wanted


@given(st.binary(max_size=300))
def test_any_bytes_are_a_series_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    for suffix in (".csv", ".npy", ".npz"):
        path = tmp_path_factory.getbasetemp() / f"any{suffix}"
        path.write_bytes(data)
        try:
            list_windows(path, ConvertOptions(window=1))
        except FastDataError:
            continue

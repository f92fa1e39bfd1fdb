"""Tables with an image column: what columns become, and what bad rows cost."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from converting import write_image, write_mask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastdata.converters import convert
from fastdata.converters.options import ConvertOptions
from fastdata.converters.rows import read_columns, read_rows
from fastdata.converters.table import list_table
from fastdata.errors import FastDataError, InputError, LabelError, UsageError
from fastdata.packs import open_pack
from fastdata.schema import Image, Label, Mask, Scalar, Text

QUICK = {"workers": 0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(4):
        write_image(tmp_path / f"in/{i}.jpg", 6, 8, seed=i)
        write_mask(tmp_path / f"in/m{i}.png", np.full((6, 8), i))
    return tmp_path / "in"


def table(folder: Path, text: str, name: str = "t.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder / name


def test_a_multi_task_table(folder: Path, tmp_path: Path) -> None:
    path = table(
        folder,
        "file,crop,severity,pos_id,mask_path,remark\n"
        "0.jpg,wheat,0.5,3,m0.png,\n1.jpg,maize,1,1,m1.png,wilted\n"
        "2.jpg,wheat,2e-1,3,m2.png,\n3.jpg,rye,0,2,m3.png,x\n",
    )
    options = {"columns": {"remark": "text", "pos_id": "label"}, "distance_maps": ("boundary",)}
    summary = convert(path, tmp_path / "o.lmdb", **options, **QUICK)
    assert summary.layout == "table"
    kinds = {name: type(field).__name__ for name, field in summary.schema.items()}
    assert kinds == {
        "image": "Image",
        "mask": "Mask",
        "boundary": "DistanceMap",
        "crop": "Label",
        "severity": "Scalar",
        "pos_id": "Label",
        "remark": "Text",
    }
    assert "column 'severity' is a number (scalar): it holds numbers" in summary.notes
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack.schema["crop"].classes == ("maize", "rye", "wheat")
        assert pack.schema["pos_id"].classes == ("1", "2", "3")
        assert pack.column("crop").tolist() == [2, 0, 2, 1]
        assert pack.column("pos_id").tolist() == [2, 0, 2, 1]
        np.testing.assert_array_equal(pack.column("severity"), np.float32([0.5, 1, 0.2, 0]))
        assert [pack[i].remark for i in range(4)] == ["", "wilted", "", "x"]
        assert int(pack[3].mask[0, 0]) == 3
        assert pack.key(2) == "2.jpg"


def test_json_lines(folder: Path, tmp_path: Path) -> None:
    rows = [
        {"image": f"{i}.jpg", "label": "ab"[i % 2], "score": i / 2, "ok": i > 1} for i in range(4)
    ]
    path = table(folder, "\n".join(json.dumps(row) for row in rows), "t.jsonl")
    convert(path, tmp_path / "o.h5", **QUICK)
    with open_pack(tmp_path / "o.h5") as pack:
        assert pack.column("label").tolist() == [0, 1, 0, 1]
        assert pack.column("score").tolist() == [0, 0.5, 1, 1.5]
        assert pack.schema["ok"].classes == ("false", "true")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", "3", "4"], Scalar),
        (["0.5", "1e-3", "-2", "7"], Scalar),
        (["red", "blue", "red", "blue"], Label),
        (["a few brown spots on the leaf to the left"] * 4, Text),
        (["0.jpg", "1.jpg", "2.jpg", "3.jpg"], Image),
        (["m0.png", "m1.png", "m2.png", "m3.png"], Image),
    ],
)
def test_kinds_are_inferred_from_values(values: list[str], kind: type, folder: Path) -> None:
    lines = "".join(f"{i}.jpg,{value}\n" for i, value in enumerate(values))
    source = list_table(table(folder, "image,other\n" + lines), ConvertOptions())
    assert type(source.fields["other"]) is kind


@pytest.mark.parametrize(
    ("name", "values", "kind", "field"),
    [
        ("label", "0123", Label, "label"),
        ("fine_label", "0123", Label, "fine_label"),
        ("mask_file", ["m0.png", "m1.png", "m2.png", "m3.png"], Mask, "mask"),
        ("pm2.5", "0123", Scalar, "pm2_5"),
        ("class", "aabb", Label, "class_"),
        ("2nd", "0123", Scalar, "c2nd"),
        ("größe", "0123", Scalar, "größe"),
    ],
)
def test_names_decide_too_and_become_identifiers(
    name: str, values: list[str], kind: type, field: str, folder: Path
) -> None:
    lines = "".join(f"{i}.jpg,{value}\n" for i, value in enumerate(values))
    source = list_table(table(folder, f"image,{name}\n{lines}"), ConvertOptions())
    assert type(source.fields[field]) is kind


def test_much_different_text_is_text_and_large_numbers_stay_exact(folder: Path) -> None:
    lines = "".join(f"{i}.jpg,note {i},{10**9 + i}\n" for i in range(30))
    source = list_table(table(folder, "image,note,stamp\n" + lines), ConvertOptions())
    assert source.fields["note"] == Text()
    assert source.fields["stamp"] == Scalar(dtype="float64")


def test_a_byte_order_mark_crlf_quotes_and_semicolons(folder: Path, tmp_path: Path) -> None:
    text = '\ufeffimage;label;note\r\n"0.jpg";"a ""b""";"two\r\nlines"\r\n\r\n1.jpg;c;d\r\n'
    convert(table(folder, text), tmp_path / "o.lmdb", columns={"note": "text"}, **QUICK)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert pack.schema["label"].classes == ('a "b"', "c")
        assert pack[0].note == "two\r\nlines"


BAD_ROWS = {
    "missing column": (
        "2.jpg,a",
        "line 4, column 'score': 2 values, missing from here; expected 3",
    ),
    "extra column": ("2.jpg,a,1,9", "line 4, column 'number 4': 4 values, one too many"),
    "no number": ("2.jpg,a,high", "line 4, column 'score': found 'high'; expected a number"),
    "NaN": ("2.jpg,a,nan", "line 4, column 'score': found 'nan'; expected a finite number"),
    "too large": ("2.jpg,a,1e999", "line 4, column 'score': found '1e999'; expected a finite"),
    "too large for float32": ("2.jpg,a,1e200", "line 4, column 'score': found '1e200'"),
    "underscore": ("2.jpg,a,1_0", "line 4, column 'score': found '1_0'; expected a number"),
    "empty": ("2.jpg,a,", "line 4, column 'score': is empty; expected a number"),
    "empty class": ("2.jpg,,1", "line 4, column 'label': is empty; expected a class"),
    "empty image": (",a,1", "line 4, column 'image': is empty; expected an image"),
    "duplicate": ("0.jpg,a,1", "line 4, column 'image': '0.jpg' is on line 2 already"),
    "no UTF-8": (b"2.jpg,\xff\xfe,1", r"line 4, column 2: '\\xff\\xfe' is not UTF-8"),
    "huge field": ("2.jpg," + "x" * 1_000_000 + ",1", "line 4, column 2: field larger than"),
    "bad quote": ('2.jpg,"a"b,1', "line 4, column 2: ',' expected after '\"'"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_named_by_file_line_and_column(
    name: str, folder: Path, tmp_path: Path
) -> None:
    row, words = BAD_ROWS[name]
    row = row.encode() if isinstance(row, str) else row
    path = folder / "t.csv"
    path.write_bytes(b"image,label,score\n0.jpg,a,1\n1.jpg,b,2\n" + row + b"\n3.jpg,a,4\n")
    with pytest.raises(LabelError) as caught:
        convert(path, tmp_path / "o.lmdb", columns={"score": "scalar"}, **QUICK)
    assert words in str(caught.value) and str(path) in str(caught.value)
    options = {"columns": {"score": "scalar"}, "on_bad": "skip", **QUICK}
    summary = convert(path, tmp_path / "o.lmdb", **options)
    assert (summary.inputs, summary.count, summary.rejected) == (4, 3, 1)


BAD_LINES = {
    "no JSON": ("{", "line 2, column 1: no JSON"),
    "no object": ("[1]", "line 2, column 1: a list; expected one object"),
    "missing": ('{"image": "1.jpg"}', "line 2, column 'label': missing"),
    "extra": ('{"image": "1.jpg", "label": "a", "x": 1}', "line 2, column 'x': not in the first"),
    "nested": ('{"image": "1.jpg", "label": {"a": 1}}', "line 2, column 'label': a dict"),
    "twice": ('{"image": "1.jpg", "image": "2.jpg", "label": "a"}', "a name is there twice"),
    "NaN": ('{"image": "1.jpg", "label": NaN}', "NaN is no number of JSON"),
    "1e999": ('{"image": "1.jpg", "label": 1e999}', "line 2, column 'label': too large a number"),
    "long number": ('{"image": "1.jpg", "label": ' + "9" * 5000 + "}", "line 2, column 1: "),
    "deep": ("[" * 100_000, "line 2, column 1: nested too deeply"),
    "huge": ('{"image": "1.jpg", "label": "' + "x" * 10**6 + '"}', "1000000 characters"),
    "surrogate": ('{"image": "1.jpg", "label": "\\ud800"}', "is not UTF-8"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_json_line_is_named(name: str, folder: Path, tmp_path: Path) -> None:
    line, words = BAD_LINES[name]
    good = [json.dumps({"image": f"{i}.jpg", "label": "a"}) for i in (0, 2)]
    path = table(folder, "\n".join([good[0], line, good[1]]), "t.jsonl")
    with pytest.raises(LabelError) as caught:
        convert(path, tmp_path / "o.lmdb", **QUICK)
    assert words in str(caught.value)
    summary = convert(path, tmp_path / "o.lmdb", on_bad="skip", **QUICK)
    assert (summary.inputs, summary.count, summary.rejected) == (3, 2, 1)


def test_all_faults_are_collected_and_twenty_shown(folder: Path, tmp_path: Path) -> None:
    path = table(folder, "image,label\n" + "".join(f"{i}.jpg\n" for i in range(30)))
    with pytest.raises(LabelError) as caught:
        convert(path, tmp_path / "o.lmdb", **QUICK)
    words = str(caught.value)
    assert words.startswith(f"30 of 30 items in {path} are bad; mend them, or leave them out")
    assert words.count(str(path)) == 1
    assert words.count("missing from here") == 20 and words.endswith("; and 10 more")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no header line"),
        ("\n", "no header line"),
        ("image,\n0.jpg,1\n", "line 1, column 2: the name is empty"),
        ("image,a,a\n0.jpg,1,1\n", "line 1, column 3: the name 'a' is there twice"),
        ("image,a b,a-b\n0.jpg,1,1\n", "both become the field 'a_b'"),
        ("image,label\n", "nothing to convert"),
        ("a,b\n1,2\n", "no column holds image paths"),
    ],
)
def test_tables_that_cannot_be_used(text: str, words: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        convert(table(folder, text), tmp_path / "o.lmdb", layout="table", **QUICK)


def test_options_must_name_columns_and_kinds_of_the_table(folder: Path, tmp_path: Path) -> None:
    path = table(folder, "image,a\n0.jpg,1\n")
    with pytest.raises(UsageError, match="has no column 'b'; found"):
        convert(path, tmp_path / "o.lmdb", columns={"b": "label"}, **QUICK)
    with pytest.raises(UsageError, match="a table's column is one of"):
        convert(path, tmp_path / "o.lmdb", columns={"a": "class"}, **QUICK)


def test_samples_may_be_named_by_a_key_column(folder: Path, tmp_path: Path) -> None:
    path = table(folder, "image,view,label\n0.jpg,left,a\n0.jpg,right,b\n")
    convert(path, tmp_path / "o.lmdb", key_column="view", **QUICK)
    with open_pack(tmp_path / "o.lmdb") as pack:
        assert [pack.key(i) for i in range(2)] == ["left", "right"]


def test_a_folder_with_one_table_is_a_table(folder: Path, tmp_path: Path) -> None:
    table(folder, "image,label\n0.jpg,a\n1.jpg,b\n")
    summary = convert(folder, tmp_path / "o.lmdb", **QUICK)
    assert summary.layout_reason == "found the table t.csv with a column of image paths"
    assert summary.count == 2
    table(folder, "weight,height\n1,2\n", "measures.csv")
    assert convert(folder, tmp_path / "p.lmdb", **QUICK).layout == "table"
    table(folder, "image,label\n2.jpg,a\n", "test.csv")
    with pytest.raises(UsageError, match=r"t\.csv and test\.csv|test\.csv and t\.csv"):
        convert(folder, tmp_path / "q.lmdb", **QUICK)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.binary(max_size=300) | st.text("ab,;\"'\n\r\t\\0.jpg ", max_size=200).map(str.encode)
)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_any_bytes_are_rows_or_typed_errors(suffix: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"t{suffix}"
    path.write_bytes(data)
    try:
        names = read_columns(path)
        rows = list(read_rows(path, names))
        source = list_table(path, ConvertOptions(image_column=names[0]))
    except FastDataError:
        return
    assert all(row.fault or len(row.values) == len(names) for row in rows)
    # Nothing is dropped: every row is an item, with its values or with its fault.
    assert len(source.items) == len(rows)
    assert all(item.fault for item, row in zip(source.items, rows, strict=True) if row.fault)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cells=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9),
            st.floats(allow_nan=False, allow_infinity=False, width=32),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_what_csv_writes_is_read_back(cells: list[tuple[str, float]], tmp_path: Path) -> None:

    path = tmp_path / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "note", "score"])
        writer.writerows([f"{i}.jpg", note, score] for i, (note, score) in enumerate(cells))
    options = ConvertOptions(columns={"note": "text", "score": "scalar"}, image_column="image")
    source = list_table(path, options)
    assert [item.fault for item in source.items] == [None] * len(cells)
    assert [item.values for item in source.items] == cells

"""Reads CSV and JSON lines row by row; whatever is wrong with a row is kept with its line.

A row is never dropped: it is yielded with its values or with the reason why it has none, so that
the rows read are the rows of the file.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fastdata.converters.paths import display
from fastdata.errors import InputError, LabelError, UsageError

__all__ = ["MAX_FIELD_CHARS", "TABLE_SUFFIXES", "Row", "read_columns", "read_rows"]

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
# Python's own limit for CSV; a longer field is an unclosed quote or no table.
MAX_FIELD_CHARS = 131_072
_MAX_LINE_CHARS = 16 << 20
_DELIMITERS = ",;\t|"


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        line: Number of its first line in the file, from 1.
        values: One value a column: text (CSV), or text, number, bool or None (JSON lines).
        fault: What is wrong with it, naming line and column; `values` is then empty.
    """

    line: int
    values: tuple[Any, ...]
    fault: str | None = None


def read_columns(path: Path, delimiter: str | None = None) -> list[str]:
    """Column names: a CSV's header line, or the keys of the first object of JSON lines.

    Raises:
        LabelError: There is no header, or a name is empty or there twice.
        InputError: The file cannot be read.
    """
    if _is_json(path):
        return _json_columns(path)
    with _open(path) as file:
        names = next(_records(path, file, _delimiter(path, delimiter)), None)
    if names is None or names.fault or not any(names.values):
        reason = names.fault if names and names.fault else "the file is empty"
        raise LabelError(f"{display(path)}: has no header line ({reason}); expected column names")
    columns = [str(name).strip() for name in names.values]
    for position, name in enumerate(columns):
        if not name or name in columns[:position]:
            what = "is empty" if not name else f"{display(name)!r} is there twice"
            raise LabelError(f"{display(path)}, line 1, column {position + 1}: the name {what}")
    return columns


def read_rows(path: Path, columns: Sequence[str], delimiter: str | None = None) -> Iterator[Row]:
    """The rows of a table, each with as many values as there are columns, or with its fault.

    Args:
        path: A .csv, .tsv, .jsonl or .ndjson file.
        columns: The names, from `read_columns`.
        delimiter: Of a CSV; None finds it from the header line.

    Raises:
        InputError: The file cannot be read.
    """
    with _open(path) as file:
        if _is_json(path):
            yield from _json_rows(path, file, columns)
            return
        records = _records(path, file, _delimiter(path, delimiter))
        next(records, None)
        for row in records:
            if row.fault or len(row.values) == len(columns):
                yield row
                continue
            found = len(row.values)
            name = columns[found] if found < len(columns) else f"number {len(columns) + 1}"
            what = "missing from" if found < len(columns) else "one too many from"
            yield Row(
                row.line,
                (),
                f"{display(path)}, line {row.line}, column {display(name)!r}: {found} values, "
                f"{what} here; expected {len(columns)}",
            )


def _is_json(path: Path) -> bool:
    return path.suffix.lower() in (".jsonl", ".ndjson")


def _open(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{display(path)}: expected a table file, found none")
    try:
        # Bytes that are no UTF-8 come through as surrogates, and are then named by line and column.
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise InputError(f"{display(path)}: cannot be read ({error.strerror})") from error


def _delimiter(path: Path, given: str | None) -> str:
    if given is not None:
        return given
    if path.suffix.lower() == ".tsv":
        return "\t"
    with _open(path) as file:
        header = file.readline(MAX_FIELD_CHARS)
    return max(_DELIMITERS, key=header.count)


def _records(path: Path, file: Any, delimiter: str) -> Iterator[Row]:
    """CSV records with their faults, empty lines left out."""
    lines = _Remembered(file)
    try:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
    except (TypeError, ValueError) as error:
        raise UsageError(f"delimiter {delimiter!r} cannot separate columns: {error}") from error
    while True:
        first = reader.line_num + 1
        lines.text.clear()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # Ahead of the record's end, so that the next one starts at a line of its own.
            column = _column_of(lines.text, delimiter)
            reason = f"{display(path)}, line {first}, column {column}: {error}"
            yield Row(first, (), f"{reason}; look for a quote that is not closed")
            continue
        if values:
            fault = _text_fault(values)
            where = f"{display(path)}, line {first}, column "
            yield Row(first, () if fault else tuple(values), fault and where + fault)


class _Remembered:
    """Lines of a file, and those that were read since `text` was cleared."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.text: list[str] = []

    def __iter__(self) -> _Remembered:
        return self

    def __next__(self) -> str:
        line: str = self._file.readline(_MAX_LINE_CHARS)
        if not line:
            raise StopIteration
        self.text.append(line)
        return line


def _column_of(lines: list[str], delimiter: str) -> int:
    """The column, from 1, that the reader was in when it gave up."""
    column, chars, quoted, closed = 1, 0, False, False
    for char in "".join(lines):
        if char == '"':
            quoted = not quoted
            closed = not quoted
        elif char == delimiter and not quoted:
            column, chars, closed = column + 1, -1, False
        elif closed and char not in "\r\n":
            return column
        chars += 1
        if chars > MAX_FIELD_CHARS:
            return column
    return column


def _text_fault(values: Sequence[Any]) -> str | None:
    for position, value in enumerate(values, start=1):
        if not isinstance(value, str):
            continue
        if len(value) > MAX_FIELD_CHARS:
            return f"{position}: {len(value)} characters; a field may have {MAX_FIELD_CHARS}"
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            return f"{position}: {display(value[:40])!r} is not UTF-8; save the table as UTF-8"
    return None


def _json_columns(path: Path) -> list[str]:
    with _open(path) as file:
        for line, text in enumerate(_json_lines(file), start=1):
            if text.strip():
                entry, fault = _parse(text)
                if fault or not entry:
                    raise LabelError(
                        f"{display(path)}, line {line}: {fault or 'an empty object'}; the first "
                        "line gives the column names"
                    )
                return list(entry)
    raise LabelError(f"{display(path)}: is empty; expected one JSON object a line")


def _json_rows(path: Path, file: Any, columns: Sequence[str]) -> Iterator[Row]:
    for line, text in enumerate(_json_lines(file), start=1):
        if not text.strip():
            continue
        entry, fault = _parse(text)
        if fault is None:
            fault = _shape_fault(entry, columns)
        values = () if fault else tuple(entry[name] for name in columns)
        if fault is None and (found := _text_fault(values)):
            position, reason = found.split(": ", 1)
            fault = f"column {display(columns[int(position) - 1])!r}: {reason}"
        where = f"{display(path)}, line {line}, "
        yield Row(line, () if fault else values, fault and where + fault)


def _json_lines(file: Any) -> Iterator[str]:
    while text := file.readline(_MAX_LINE_CHARS):
        yield text


def _parse(text: str) -> tuple[dict[str, Any], str | None]:
    try:
        entry = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        return {}, "column 1: nested too deeply; expected one flat object"
    except json.JSONDecodeError as error:
        return {}, f"column {error.colno}: no JSON ({error.msg})"
    except ValueError as error:
        return {}, f"column 1: {error}"
    if not isinstance(entry, dict):
        return {}, f"column 1: a {type(entry).__name__}; expected one object"
    return entry, None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entry = dict(pairs)
    if len(entry) != len(pairs):
        raise ValueError("a name is there twice in one object")
    return entry


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _shape_fault(entry: dict[str, Any], columns: Sequence[str]) -> str | None:
    for name in columns:
        if name not in entry:
            return f"column {display(name)!r}: missing"
    for name, value in entry.items():
        if name not in columns:
            return f"column {display(name)!r}: not in the first line; expected {len(columns)} names"
        if isinstance(value, dict | list):
            return f"column {display(name)!r}: a {type(value).__name__}; expected text or a number"
        if isinstance(value, float) and not math.isfinite(value):
            return f"column {display(name)!r}: too large a number"
    return None

"""A CSV or JSON lines file with an image column and any number of others: multi-task training.

    file,crop,severity,mask                     image   from "file", below the table's folder
    a.jpg,wheat,0.3,masks/a.png         ->      crop    Label, classes sorted
    b.jpg,maize,1.0,masks/b.png                 severity Scalar, mask Mask

Each row is an input. A row that does not fit is a bad item, with its line and column; nothing is
guessed for missing values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastdata.converters.columns import Column, field_names, infer_columns, number_of
from fastdata.converters.options import ConvertOptions
from fastdata.converters.paths import display
from fastdata.converters.rows import Row, read_columns, read_rows
from fastdata.converters.source import Item, Source
from fastdata.schema import Field, Image, Label, Mask, Scalar, Text

__all__ = ["list_table"]

_FLOAT32_MAX = 3.4028234663852886e38
# Whole numbers above this are not exact in float32.
_EXACT = 1 << 24


def list_table(path: Path, options: ConvertOptions) -> Source:
    """Reads the table twice: once to find what its columns are, once for the values.

    Raises:
        LabelError: It has no header or no image column.
        UsageError: An option names a column that is not there.
        InputError: It cannot be read.
    """
    names = read_columns(path, options.delimiter)
    rows = read_rows(path, names, options.delimiter)
    columns = infer_columns(path, names, rows, options)
    fields = field_names(columns)
    reader = _TableReader(path, names, columns, options)
    for row in read_rows(path, names, options.delimiter):
        reader.add(row)
    kept = [column for column in columns if column.kind != "skip"]
    notes = tuple(
        f"column {display(column.name)!r} is {_article(column.kind)}: {column.reason}"
        for column in columns
    )
    files = [column for column in kept if column.kind in ("image", "mask")]
    values = [column for column in kept if column.kind not in ("image", "mask")]
    return Source(
        layout="table",
        root=str(path.resolve().parent),
        items=reader.items(files, values),
        fields={fields[column.name]: reader.field(column) for column in (*files, *values)},
        file_fields=tuple(fields[column.name] for column in files),
        value_fields=tuple(fields[column.name] for column in values),
        notes=notes,
    )


class TableItems(Sequence[Item]):
    """Items kept column by column; each is put together when it is asked for."""

    def __init__(
        self,
        keys: list[str],
        faults: dict[int, str],
        files: list[list[str]],
        values: list[list[Any]],
    ) -> None:
        self._keys, self._faults, self._files, self._values = keys, faults, files, values

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: Any) -> Any:
        if index < 0:
            index += len(self._keys)
        files = tuple(column[index] for column in self._files)
        values = tuple(column[index] for column in self._values)
        return Item(self._keys[index], files, values, self._faults.get(index))


class _TableReader:
    """Collects the values of all rows by column, and the faults of those that do not fit."""

    def __init__(
        self, path: Path, names: list[str], columns: list[Column], options: ConvertOptions
    ) -> None:
        self._path, self._columns, self._options = path, columns, options
        image = next(column.name for column in columns if column.kind == "image")
        self._key_position = names.index(options.key_column or options.image_column or image)
        self._values: dict[str, list[Any]] = {column.name: [] for column in columns}
        self._keys: list[str] = []
        self._lines: dict[str, int] = {}
        self._faults: dict[int, str] = {}

    def add(self, row: Row) -> None:
        fault = row.fault
        cells: list[Any] = []
        if fault is None:
            fault, cells = self._cells(row)
        key = str(row.values[self._key_position]).strip() if row.values else ""
        if fault is None and key in self._lines:
            fault = self._fault(row, self._key_position, f"{display(key)!r} is on line ", "")
            fault += f"{self._lines[key]} already; each row needs a name of its own, "
            fault += "from a column given with key_column (--key-column)"
        if fault is not None:
            self._faults[len(self._keys)] = fault
            key = f"{self._path.name}:{row.line}"
            cells = [None] * len(self._columns)
        else:
            self._lines[key] = row.line
        self._keys.append(key)
        for column, cell in zip(self._columns, cells, strict=True):
            self._values[column.name].append(cell)

    def _cells(self, row: Row) -> tuple[str | None, list[Any]]:
        cells = []
        for position, (column, value) in enumerate(zip(self._columns, row.values, strict=True)):
            cell, problem = _cell(column.kind, value)
            if problem:
                return self._fault(row, position, "", problem), []
            cells.append(cell)
        return None, cells

    def _fault(self, row: Row, position: int, text: str, problem: str) -> str:
        name = display(self._columns[position].name)
        return f"{display(self._path)}, line {row.line}, column {name!r}: {text}{problem}"

    def field(self, column: Column) -> Field:
        if column.kind == "image":
            return Image(channels=self._options.channels)
        if column.kind == "mask":
            return Mask()
        if column.kind == "text":
            return Text()
        if column.kind == "label":
            return Label(classes=self._classes(column))
        values = [value for value in self._values[column.name] if value is not None]
        whole = all(value.is_integer() for value in values)
        large = any(abs(value) > _EXACT for value in values)
        return Scalar(dtype="float64" if whole and large else "float32")

    def items(self, files: list[Column], values: list[Column]) -> TableItems:
        paths = [[cell or "" for cell in self._values[column.name]] for column in files]
        cells = [self._coded(column) for column in values]
        return TableItems(self._keys, self._faults, paths, cells)

    def _coded(self, column: Column) -> list[Any]:
        cells = self._values[column.name]
        if column.kind != "label":
            return cells
        codes = {name: code for code, name in enumerate(self._classes(column))}
        return [codes.get(cell) for cell in cells]

    def _classes(self, column: Column) -> tuple[str, ...]:
        found = {cell for cell in self._values[column.name] if cell is not None}
        if all(name.lstrip("+-").isascii() and name.lstrip("+-").isdigit() for name in found):
            return tuple(sorted(found, key=lambda name: (int(name), name)))
        return tuple(sorted(found))


def _cell(kind: str, value: Any) -> tuple[Any, str | None]:
    """The cell as its kind wants it, and the problem if it does not fit."""
    if kind == "skip":
        return None, None
    if kind == "text":
        return "" if value is None else str(value), None
    if value is None or (isinstance(value, str) and not value.strip()):
        return None, f"is empty; expected {_article(kind)}"
    if kind == "label":
        return (str(value).lower() if isinstance(value, bool) else str(value).strip()), None
    if kind in ("image", "mask"):
        if not isinstance(value, str):
            return None, f"found {value!r}; expected a path"
        return value.strip(), None
    number = float(value) if isinstance(value, bool) else number_of(value)
    if number is None:
        return None, f"found {display(str(value)[:40])!r}; expected a number"
    if not math.isfinite(number) or abs(number) > _FLOAT32_MAX:
        return None, f"found {display(str(value)[:40])!r}; expected a finite number"
    return number, None


def _article(kind: str) -> str:
    return {
        "image": "an image",
        "mask": "a mask",
        "label": "a class (label)",
        "scalar": "a number (scalar)",
        "text": "text",
        "skip": "left out",
    }[kind]

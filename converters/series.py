"""Reads a series of rows from CSV, .npy or .npz: a float matrix with named columns."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastdata.converters.columns import number_of
from fastdata.converters.faults import listed
from fastdata.converters.options import ConvertOptions
from fastdata.converters.paths import display
from fastdata.converters.rows import read_columns, read_rows
from fastdata.errors import InputError, LabelError, UsageError

__all__ = ["ARRAY_SUFFIXES", "Series", "read_series"]

ARRAY_SUFFIXES = (".npy", ".npz")
# How a missing value is written in the tables of this world, compared in lower case.
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-nan"})
_COUNTERS = frozenset({"no", "no.", "id", "index", "row", "rowid", "#", "unnamed: 0"})
_MOST = 0.9
_MAX_CLASSES = 1_000
# Text that differs in most rows is a name or a number written wrongly, not a class.
_FEW_CLASSES = 20
_TIME = re.compile(r"\d{1,4}[-/.:]\d{1,2}([-/.:T\s]|$)")
# Series are stored as float32.
_LARGEST = 3.4028234663852886e38


@dataclass(frozen=True, kw_only=True)
class Series:
    """Rows in time order.

    Attributes:
        values: (rows, columns), a float or integer type; NaN where a value is missing. Mapped from
            the file where that is possible.
        columns: Names of the columns.
        categories: For each class-coded column, its values in the order of their codes.
        lines: Line of each row in the file, or None for arrays.
        notes: How the columns were understood.
    """

    values: np.ndarray[Any, Any]
    columns: tuple[str, ...]
    categories: tuple[tuple[str, tuple[str, ...]], ...] = ()
    lines: np.ndarray[Any, Any] | None = None
    notes: tuple[str, ...] = ()


def read_series(path: Path, options: ConvertOptions) -> Series:
    """Reads the columns that are wanted: `features` and `target`, or all.

    Raises:
        LabelError: Values do not fit their columns; names file, line and column of the first 20.
        UsageError: An option names a column that is not there.
        InputError: The file cannot be read.
    """
    if path.suffix.lower() in ARRAY_SUFFIXES:
        return _from_array(path)
    return _from_table(path, options)


def _from_array(path: Path) -> Series:
    arrays: dict[str, np.ndarray[Any, Any]]
    try:
        if path.suffix.lower() == ".npy":
            # Unlike np.load it takes nothing but an array, and never objects.
            arrays = {"": np.lib.format.open_memmap(path, mode="r")}
        else:
            with path.open("rb") as file, zipfile.ZipFile(file):
                file.seek(0)
                with np.load(file, allow_pickle=False) as archive:
                    arrays = {name: archive[name] for name in archive.files}
    except Exception as error:
        # A damaged header or archive raises whatever its parser stumbles over.
        raise InputError(
            f"{display(path)}: cannot be read as {path.suffix} ({error}); expected numbers saved "
            "by numpy.save or numpy.savez"
        ) from error
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub" or array.ndim not in (1, 2):
            raise InputError(
                f"{display(path)}: array {name!r} has type {array.dtype} and shape {array.shape}; "
                "expected numbers of shape (rows, columns) or (rows,)"
            )
    rows = {len(array) for array in arrays.values()}
    if len(rows) != 1:
        shapes = {name: array.shape for name, array in arrays.items()}
        raise InputError(f"{display(path)}: arrays {shapes}; expected one number of rows in all")
    return _joined(arrays)


def _joined(arrays: dict[str, np.ndarray[Any, Any]]) -> Series:
    names: list[str] = []
    parts = []
    for name, array in arrays.items():
        wide = array.ndim == 2
        names += [f"{name or 'f'}{i}" for i in range(array.shape[1])] if wide else [name or "f0"]
        parts.append(array if wide else array[:, None])
    values = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    return Series(values=values, columns=tuple(names))


def _from_table(path: Path, options: ConvertOptions) -> Series:
    names = read_columns(path, options.delimiter)
    wanted = _wanted(path, names, options)
    coded, useless, total = _kinds(path, names, wanted, options)
    wanted = [name for name in wanted if name not in useless]
    notes = [f"column {display(name)!r} is left out: {why}" for name, why in useless.items()]
    codes = {name: {text: i for i, text in enumerate(texts)} for name, texts in coded.items()}
    values, lines = _values(path, names, wanted, codes, total, options)
    categories = tuple((name, coded[name]) for name in wanted if name in coded)
    notes += [
        f"column {display(name)!r} is class-coded: it holds text with {len(texts)} different values"
        for name, texts in categories
    ]
    return Series(
        values=values,
        columns=tuple(wanted),
        categories=categories,
        lines=lines,
        notes=tuple(notes),
    )


def _values(
    path: Path,
    names: list[str],
    wanted: list[str],
    codes: dict[str, dict[str, int]],
    total: int,
    options: ConvertOptions,
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    values = np.full((total, len(wanted)), np.nan, np.float32)
    lines = np.zeros(total, np.int64)
    faults: list[str] = []
    columns = [(name, names.index(name), codes.get(name)) for name in wanted]
    for at, row in enumerate(read_rows(path, names, options.delimiter)):
        if at >= total:
            raise InputError(f"{display(path)}: grew while it was read; convert again")
        lines[at] = row.line
        if row.fault:
            faults.append(row.fault)
            continue
        for column, (name, position, known) in enumerate(columns):
            value = _number(row.values[position], known)
            if value is None:
                cell = display(str(row.values[position])[:40])
                where = f"{display(path)}, line {row.line}, column {display(name)!r}"
                faults.append(f"{where}: found {cell!r}; expected a number")
                break
            values[at, column] = value
    if faults:
        about = display(path)
        raise LabelError(listed(f"{len(faults)} row(s) of {about} do not fit", faults, about))
    return values, lines


def _wanted(path: Path, names: list[str], options: ConvertOptions) -> list[str]:
    skipped = {name for name, kind in options.columns.items() if kind == "skip"}
    asked = [*(options.features or ()), *((options.target,) if options.target else ())]
    for name in (*asked, *options.columns):
        if name not in names:
            raise UsageError(
                f"{display(path)}: has no column {display(name)!r}; found "
                f"{[display(other) for other in names[:20]]}"
            )
    if options.features is not None:
        return list(dict.fromkeys(asked))
    return [name for name in names if name not in skipped or name == options.target]


def _kinds(
    path: Path, names: list[str], wanted: Sequence[str], options: ConvertOptions
) -> tuple[dict[str, tuple[str, ...]], dict[str, str], int]:
    """Class-coded columns with their values, columns to leave out and why, the number of rows."""
    views = {name: _View() for name in wanted}
    total = 0
    for row in read_rows(path, names, options.delimiter):
        total += 1
        for name, cell in zip(names, row.values, strict=False):
            if name in views:
                views[name].add(cell)
    if not total:
        raise LabelError(f"{display(path)}: has a header and no rows")
    coded: dict[str, tuple[str, ...]] = {}
    useless: dict[str, str] = {}
    for name, view in views.items():
        kind = options.columns.get(name)
        asked = kind is not None or name == options.target or options.features is not None
        counts = name == names[0] and name.lower() in _COUNTERS and view.counter == total
        if counts and not asked:
            useless[name] = "it counts the rows"
        elif kind == "number" or (kind is None and view.most(view.numbers)):
            continue
        elif view.most(view.times) and not asked:
            useless[name] = "it holds dates or times"
        elif view.differs(kind):
            where = f"{display(path)}, column {display(name)!r}"
            raise UsageError(
                f"{where}: holds text that differs in most rows; leave it out (--column "
                f"{display(name)}=skip), or code it if its values are classes "
                f"(--column {display(name)}=class, at most {_MAX_CLASSES})"
            )
        else:
            coded[name] = tuple(sorted(view.texts))
    if len(useless) == len(wanted):
        raise LabelError(
            f"{display(path)}: all columns are left out, since each holds dates, times or row "
            "numbers; name those to keep with features (--features)"
        )
    return coded, useless, total


class _View:
    """What a column's values look like."""

    def __init__(self) -> None:
        self.filled = self.numbers = self.times = self.counter = 0
        self.texts: set[str] = set()
        self._last: float | None = None

    def add(self, cell: Any) -> None:
        if is_missing(cell):
            return
        self.filled += 1
        if len(self.texts) <= _MAX_CLASSES:
            self.texts.add(text_of(cell))
        number = number_of(cell)
        if number is None:
            self.times += isinstance(cell, str) and _TIME.match(cell.strip()) is not None
            return
        self.numbers += 1
        if self._last is None or number == self._last + 1:
            self.counter += 1
        self._last = number

    def most(self, count: int) -> bool:
        return count >= _MOST * self.filled

    def differs(self, kind: str | None) -> bool:
        count = len(self.texts)
        few = count <= _FEW_CLASSES or 2 * count <= self.filled
        return count > _MAX_CLASSES or (kind is None and not few)


def is_missing(cell: Any) -> bool:
    """Whether a table cell holds no value."""
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING)


def text_of(cell: Any) -> str:
    """A class-coded cell as text."""
    return cell.strip() if isinstance(cell, str) else str(cell)


def _number(cell: Any, codes: dict[str, int] | None) -> float | None:
    """The number or code of a cell, NaN when it is missing, None when it is neither."""
    if is_missing(cell):
        return float("nan")
    if codes is not None:
        return codes.get(text_of(cell))
    number = number_of(cell)
    return number if number is not None and abs(number) <= _LARGEST else None

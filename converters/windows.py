"""Windows over a series (CSV, .npy, .npz): one stored array, and the rows where windows start.

    rows      0 1 2 3 4 5 6 7 8 9          window=4, stride=2, horizon=1, target "y"
    window 0  [- - - -] y                  target: y of row 4
    window 1      [- - - -] y              target: y of row 6

The series is stored once; a window is a view of it, not a copy of its rows. Rows with a missing
value in a used column are an error, dropped (no window, and no step from one to its target, crosses
such a gap) or filled with the last value before them (rows before the first value are dropped, so
that nothing is taken from the future).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastdata.converters.faults import listed
from fastdata.converters.options import ConvertOptions
from fastdata.converters.paths import display
from fastdata.converters.series import Series, read_series
from fastdata.converters.source import Item, Source
from fastdata.errors import InputError, LabelError, UsageError
from fastdata.schema import Field, Scalar, Window

__all__ = ["list_windows", "window_starts"]


class WindowItems(Sequence[Item]):
    """Items made from arrays: where each window starts, its target, and its place in the file.

    Args:
        starts: First row of each window in the stored series.
        targets: Value to predict for each window, or None.
        word: "line" or "row", of what `places` counts.
        places: The same first rows as the source file counts them.
    """

    def __init__(
        self,
        starts: np.ndarray[Any, Any],
        targets: np.ndarray[Any, Any] | None,
        word: str,
        places: np.ndarray[Any, Any],
    ) -> None:
        self._starts, self._targets = starts, targets
        self._word, self._places = word, places

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: Any) -> Any:
        start = int(self._starts[index])
        values: tuple[Any, ...] = (start,)
        if self._targets is not None:
            values = (start, self._targets[index])
        return Item(f"{self._word} {self._places[index]}", (), values)


@dataclass(frozen=True, kw_only=True)
class Complete:
    """A series after missing values were dealt with.

    Attributes:
        values: The rows to store.
        rows: Which row of the source each of them is.
        runs: Half-open ranges of them that no dropped row interrupts.
        notes: What became of missing values.
    """

    values: np.ndarray[Any, Any]
    rows: np.ndarray[Any, Any]
    runs: list[tuple[int, int]]
    notes: tuple[str, ...] = ()


def list_windows(path: Path, options: ConvertOptions) -> Source:
    """Reads the series and finds its windows.

    Raises:
        UsageError: `window` is not given, or an option names a column that is not there.
        LabelError: Values are missing or do not fit.
        InputError: The file cannot be read, or is shorter than one window.
    """
    if options.window is None:
        raise UsageError(
            f"{display(path)}: the windows layout needs the rows in a window; give window=24 "
            "(--window 24)"
        )
    series = read_series(path, options)
    target = _position(path, series, options.target)
    features = _features(path, series, options)
    used = sorted({*features, *([] if target is None else [target])})
    complete = _complete(path, series, used, options)
    values, runs = complete.values, complete.runs
    reach = options.window + (options.horizon if target is not None else 0)
    starts = window_starts(runs, reach, options.stride)
    if not len(starts):
        longest = max((stop - first for first, stop in runs), default=0)
        raise InputError(
            f"{display(path)}: no window fits; the longest run of complete rows has {longest}, a "
            f"window with its target needs {reach}; take a smaller window or missing='fill'"
        )
    targets = None if target is None else np.asarray(values[starts + reach - 1, target])
    stored = values if features == list(range(values.shape[1])) else values[:, features]
    names = tuple(display(series.columns[position]) for position in features)
    fields = _fields(series, options.window, names, stored, targets)
    return Source(
        layout="windows",
        root=str(path.resolve().parent),
        items=WindowItems(starts, targets, *_places(series, complete.rows[starts])),
        fields=fields,
        value_fields=tuple(fields),
        series={"window": stored},
        notes=(*series.notes, *complete.notes),
    )


def _fields(
    series: Series,
    length: int,
    names: tuple[str, ...],
    stored: np.ndarray[Any, Any],
    targets: np.ndarray[Any, Any] | None,
) -> dict[str, Field]:
    fields: dict[str, Field] = {
        "window": Window(
            length=length,
            features=names,
            dtype=stored.dtype.newbyteorder("=").name,
            categories=tuple(entry for entry in series.categories if entry[0] in names),
        )
    }
    if targets is not None:
        fields["target"] = Scalar(dtype=targets.dtype.newbyteorder("=").name)
    return fields


def window_starts(runs: Sequence[tuple[int, int]], reach: int, stride: int) -> np.ndarray[Any, Any]:
    """First rows of all windows, int64 (windows,).

    Args:
        runs: Half-open row ranges without a gap.
        reach: Rows from the start of a window to the end of it, or of its target.
        stride: Rows from one start to the next, counted from the start of each run.
    """
    parts = [np.arange(first, stop - reach + 1, stride) for first, stop in runs]
    return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)


def _position(path: Path, series: Series, name: str | None) -> int | None:
    if name is None:
        return None
    if name not in series.columns:
        raise UsageError(
            f"{display(path)}: has no column {display(name)!r}; found "
            f"{[display(column) for column in series.columns[:20]]}"
        )
    return series.columns.index(name)


def _features(path: Path, series: Series, options: ConvertOptions) -> list[int]:
    skipped = {name for name, kind in options.columns.items() if kind == "skip"}
    wanted = options.features or tuple(name for name in series.columns if name not in skipped)
    positions = [_position(path, series, name) for name in wanted]
    return [position for position in positions if position is not None]


def _places(series: Series, rows: np.ndarray[Any, Any]) -> tuple[str, np.ndarray[Any, Any]]:
    return ("row", rows) if series.lines is None else ("line", series.lines[rows])


def _complete(path: Path, series: Series, used: list[int], options: ConvertOptions) -> Complete:
    values = series.values
    rows = np.arange(len(values))
    gap = _gaps(values, used)
    missing = int(np.count_nonzero(gap))
    if not missing:
        return Complete(values=values, rows=rows, runs=[(0, len(values))])
    if options.missing == "error":
        faults = [_where(path, series, int(row), used) for row in np.flatnonzero(gap)[:20]]
        summary = (
            f"{missing} of {len(values)} rows of {display(path)} have missing values; choose "
            "missing='drop' or 'fill' (--missing drop)"
        )
        raise LabelError(listed(summary, faults, display(path)))
    if options.missing == "fill":
        filled, first = _filled(values, used)
        note = f"{missing} row(s) had missing values, filled with the last value before them"
        if first:
            note += f"; the first {first} row(s) have none before them and were dropped"
        runs = [(0, len(filled) - first)]
        return Complete(values=filled[first:], rows=rows[first:], runs=runs, notes=(note,))
    kept = np.flatnonzero(~gap)
    breaks = np.flatnonzero(np.diff(kept) > 1) + 1
    edges = [0, *breaks.tolist(), len(kept)]
    runs = [(a, b) for a, b in itertools.pairwise(edges) if a < b]
    note = f"{missing} row(s) with missing values were dropped"
    return Complete(values=values[kept], rows=kept, runs=runs, notes=(note,))


def _gaps(values: np.ndarray[Any, Any], used: list[int]) -> np.ndarray[Any, Any]:
    """Which rows have a missing (NaN or infinite) value in a used column."""
    gap = np.zeros(len(values), np.bool_)
    if values.dtype.kind == "f":
        for position in used:
            gap |= ~np.isfinite(values[:, position])
    return gap


def _filled(values: np.ndarray[Any, Any], used: list[int]) -> tuple[np.ndarray[Any, Any], int]:
    """The values with gaps filled forward, and the rows at the start that nothing can fill."""
    filled = np.array(values)
    first = 0
    rows = np.arange(len(values))
    for position in used:
        known = np.isfinite(values[:, position])
        last = np.maximum.accumulate(np.where(known, rows, -1))
        first = max(first, int(np.count_nonzero(last < 0)))
        filled[:, position] = values[np.maximum(last, 0), position]
    return filled, first


def _where(path: Path, series: Series, row: int, used: list[int]) -> str:
    column = next(at for at in used if not np.isfinite(series.values[row, at]))
    word, place = _places(series, np.array([row]))
    return f"{display(path)}, {word} {place[0]}, column {display(series.columns[column])!r}"

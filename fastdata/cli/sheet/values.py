"""What stands in words or lines under a sample's pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.cli.sheet.charts import line_chart
from fastdata.cli.sheet.draft import Draft
from fastdata.cli.sheet.records import Entry, Trace
from fastdata.schema import Label, Schema, Window

__all__ = ["Ranges", "entries", "feature_ranges", "traces"]

# Value at the lower and the upper edge of each feature's chart.
Ranges = tuple[NDArray[np.float64], NDArray[np.float64]]

TEXT_CHARACTERS = 160
# Longer texts get lines of their own.
CHIP_CHARACTERS = 24
# More charts than this make a tile that nobody reads; the rest is counted.
CHARTS = 12
# Charts end here, so that one gale does not flatten the wind of every other day.
EDGE_PERCENTILES = (1, 99)


def feature_ranges(schema: Schema, drafts: Iterable[Draft]) -> dict[str, Ranges]:
    """One range a feature for the whole sheet, so that windows compare by eye."""
    ranges = {}
    for name, field in schema.items():
        shown = [one.windows[name] for one in drafts if name in one.windows]
        if isinstance(field, Window) and shown:
            rows = np.concatenate(shown).astype(np.float64)
            rows[~np.isfinite(rows)] = np.nan
            empty = np.isnan(rows).all(axis=0)
            rows[:, empty] = 0.0
            low, high = np.nanpercentile(rows, EDGE_PERCENTILES, axis=0)
            ranges[name] = (low, high)
    return ranges


def traces(schema: Schema, one: Draft, ranges: Mapping[str, Ranges]) -> Iterable[Trace]:
    """Line charts of the sample's windows."""
    for name, rows in one.windows.items():
        field = schema[name]
        assert isinstance(field, Window)
        categories = dict(field.categories)
        low, high = ranges[name]
        for column, feature in enumerate(field.features[:CHARTS]):
            chart = line_chart(
                rows[:, column],
                low=float(low[column]),
                high=float(high[column]),
                steps=feature in categories,
            )
            last = _last(rows[-1, column], categories.get(feature))
            yield Trace(name=feature, svg=chart, last=last)


def _last(value: Any, names: tuple[str, ...] | None) -> str:
    if names is not None and 0 <= value < len(names):
        return names[int(value)]
    return number(value)


def entries(schema: Schema, words: Mapping[str, Any]) -> Iterable[Entry]:
    """Labels by class name, numbers, texts cut short, arrays by their shape and range."""
    for name, value in words.items():
        field = schema[name]
        if isinstance(field, Label) and 0 <= value < len(field.classes):
            yield Entry(name=name, value=field.classes[int(value)])
        elif isinstance(value, str):
            cut = value if len(value) <= TEXT_CHARACTERS else value[: TEXT_CHARACTERS - 1] + "…"
            yield Entry(name=name, value=cut, long=len(cut) > CHIP_CHARACTERS)
        else:
            yield Entry(name=name, value=_numeric(np.asarray(value)))


def _numeric(value: NDArray[Any]) -> str:
    if value.ndim == 0:
        return number(value[()])
    if value.size <= 4:
        return ", ".join(number(item) for item in value.ravel())
    shape = " x ".join(map(str, value.shape))
    if value.dtype.kind not in "biuf":
        return f"{shape} {value.dtype}"
    return f"{shape}, {number(value.min())} to {number(value.max())}"


def number(value: Any) -> str:
    """A number in few digits, without a needless exponent; a dash for a missing one."""
    if np.isnan(value):
        return "–"
    if not float(value).is_integer():
        return f"{float(value):.4g}"
    # Years and ports read better without a separator.
    return f"{int(value)}" if abs(value) < 10_000 else f"{int(value):,}"

"""``fastdata convert``: a source of samples becomes one pack."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastdata.cli import console
from fastdata.cli import convert_options as options
from fastdata.cli.converting import convert_showing
from fastdata.cli.options import DebugOption, JsonOption
from fastdata.converters import ConversionSummary
from fastdata.errors import UsageError

__all__ = ["EXAMPLES", "HELP", "run"]

HELP = """\
Pack a folder, list, table or series into one LMDB or HDF5 pack.

The layout is found by looking: class folders, images/ and masks/, low and high quality pairs, a CSV
or JSON lines table, or a series to cut into windows. The pack appears when it is whole and checked,
never before.
"""

EXAMPLES = """\
[bold]Examples[/bold]

  fastdata convert photos/ photos.lmdb
  fastdata convert camvid/pairs.txt camvid.h5 --distance-maps boundary,signed
  fastdata convert pollution.csv air.lmdb --window 24 --target pm2.5 --missing drop
  fastdata convert labels.csv multi.lmdb --column age=scalar --column group=label
"""

NOT_SETTINGS = {"source", "out", "column", "json", "debug"}


def run(
    source: options.Source,
    out: options.Out,
    layout: options.Layout = "auto",
    codec: options.Codec = "auto",
    quality: options.Quality = 95,
    channels: options.Channels = 3,
    resize: options.Resize = None,
    scale: options.Scale = None,
    distance_maps: options.DistanceMaps = None,
    truncate: options.Truncate = None,
    distance_dtype: options.DistanceDtype = "float16",
    classes: options.Classes = None,
    ignore_index: options.IgnoreIndex = "auto",
    folders: options.Folders = None,
    image_column: options.ImageColumn = None,
    key_column: options.KeyColumn = None,
    column: options.Column = None,
    delimiter: options.Delimiter = None,
    window: options.Window = None,
    stride: options.Stride = 1,
    horizon: options.Horizon = 1,
    target: options.Target = None,
    features: options.Features = None,
    missing: options.Missing = "error",
    workers: options.Workers = "auto",
    on_bad: options.OnBad = "stop",
    max_bad: options.MaxBad = None,
    limit: options.Limit = None,
    item_timeout: options.ItemTimeout = 60.0,
    allow_outside: options.AllowOutside = False,
    overwrite: options.Overwrite = False,
    resume: options.Resume = False,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Converts `source` into the pack `out`; see `HELP`."""
    summary = _converted(source, out, _settings(locals()))
    if json:
        console.print_json(summary.to_json())
    else:
        console.print_facts(_lines(summary))


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """The options as `ConvertOptions` takes them; most have its name and type already."""
    settings = {name: value for name, value in given.items() if name not in NOT_SETTINGS}
    classes, workers = given["classes"], given["workers"]
    settings["columns"] = dict(_kind(text) for text in given["column"] or ())
    settings["distance_maps"] = _names(given["distance_maps"]) or ()
    settings["folders"] = _names(given["folders"])
    settings["features"] = _names(given["features"])
    settings["classes"] = int(classes) if (classes or "").isdecimal() else _names(classes)
    settings["workers"] = _number("--workers", workers, {"auto": "auto"})
    settings["ignore_index"] = _number(
        "--ignore-index", given["ignore_index"], {"auto": "auto", "none": None}
    )
    return settings


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(","))


def _kind(text: str) -> tuple[str, str]:
    # The last "=", since a column's name may hold one and a kind never does.
    name, equals, kind = text.rpartition("=")
    if not equals or not name:
        raise UsageError(f"--column is {text!r}; expected NAME=KIND, such as age=scalar")
    return name, kind


def _number(option: str, text: str, words: dict[str, Any]) -> Any:
    if text in words:
        return words[text]
    if not text.isdecimal():
        raise UsageError(f"{option} is {text!r}; expected {', '.join(words)} or a whole number")
    return int(text)


def _converted(source: Path, out: Path, settings: dict[str, Any]) -> ConversionSummary:
    try:
        return convert_showing(source, out, **settings)
    except KeyboardInterrupt:
        console.note(
            f"fastdata: stopped; what is packed so far is kept beside {out}: "
            "the same command with --resume goes on"
        )
        raise


def _lines(summary: ConversionSummary) -> Iterator[tuple[str, str]]:
    yield "layout", f"{summary.layout}: {summary.layout_reason}"
    for text in summary.notes:
        yield "note", text
    fields = ", ".join(f"{name} ({field.kind})" for name, field in summary.schema.items())
    yield "fields", fields
    resumed = f", {summary.resumed_from:,} done before" if summary.resumed_from else ""
    yield "packed", f"{summary.count:,} of {summary.inputs:,} samples{resumed}"
    if summary.rejected:
        yield "rejected", f"{summary.rejected:,}, listed in {summary.rejects_path}"
        for error, count in summary.rejects_by_error.items():
            yield "", f"{count:,} x {error}"
    # The bytes of a resumed run are not those of the pack, and a series is read by no worker.
    whole = summary.source_bytes and not summary.resumed_from
    source = f", from {console.human_bytes(summary.source_bytes)} of files" if whole else ""
    yield "pack", f"{summary.out} ({console.human_bytes(summary.pack_bytes)}{source})"
    done = summary.inputs - summary.resumed_from
    rate = done / summary.seconds if summary.seconds else 0.0
    yield "time", f"{console.human_seconds(summary.seconds)}, {rate:,.0f} samples/s"
    yield "next", f"fastdata inspect {shlex.quote(str(summary.out))} --html sheet.html"

"""The chart of a monitored run: one HTML file that needs no network, no script, no other file."""

from __future__ import annotations

import html
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from fastdata.monitoring.columns import GPU_MEAN
from fastdata.monitoring.curves import Curve, Plot, draw, round_top
from fastdata.monitoring.history import History
from fastdata.monitoring.records import Figures, Summary
from fastdata.monitoring.status import TARGET_SHARE

__all__ = ["render"]

COLOURS = ("var(--first)", "var(--second)", "var(--third)", "var(--fourth)")


@dataclass(frozen=True)
class _Panel:
    """One plot: its title, (label, column) of each curve, the first on top, and its scale.

    `top` None scales to the largest value; `mark` draws a dashed line with a label.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    top: float | None = None
    mark: tuple[float, str] | None = None


def render(history: History, summary: Summary, *, command: Sequence[str]) -> str:
    """The page as text, to be written as UTF-8.

    Args:
        history: The samples.
        summary: What they come to.
        command: What was watched; empty for the whole machine or a process of unknown command.
    """
    style = resources.files(__package__).joinpath("chart.css").read_text(encoding="utf-8")
    title = shlex.join(command) if command else "fastdata monitor"
    panels = "".join(_section(panel, history, summary) for panel in _panels(summary))
    unseen = "".join(f"<li>not seen: {_text(line)}" for line in summary.unseen)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{style}</style></head><body>"
        f"{_header(title, summary)}<main>{panels}</main>{_table(summary)}<ul>{unseen}</ul>"
        "</body></html>\n"
    )


def _text(value: object) -> str:
    # Lone surrogates stand for undecodable bytes of a command's words; UTF-8 cannot hold them.
    return html.escape(str(value).encode("utf-8", "backslashreplace").decode("utf-8"))


def _header(title: str, summary: Summary) -> str:
    status = summary.status
    good = " good" if status.kind == "on target" else ""
    following = f"<code>next: {_text(status.next_command)}</code>" if status.next_command else ""
    return (
        f'<header><h1>{_text(title)}</h1><p class="quiet">{summary.seconds:,.0f} s, '
        f"{summary.samples:,} samples, {summary.cores_allowed:g} cores allowed</p>"
        f'<p class="status{good}">{_text(status.sentence[:1].upper() + status.sentence[1:])}'
        f"{following}</p></header>"
    )


def _panels(summary: Summary) -> Iterator[_Panel]:
    gpus = [
        found.name.removesuffix("_busy_share")
        for found in summary.columns
        if found.name.endswith("_busy_share") and found.name != GPU_MEAN.name
    ]
    if gpus:
        target = (TARGET_SHARE, f"target {TARGET_SHARE:.0%}")
        yield _Panel("GPU busy", _each(gpus, "busy_share"), 1.0, target)
    cores = summary.cores_allowed
    yield _Panel(
        "CPU, cores",
        (("all watched", "cpu_cores"), ("busiest but the first", "worker_cpu_cores_max")),
        mark=(cores, f"{cores:g} cores allowed"),
    )
    yield _Panel("memory", (("processes, PSS", "pss_bytes"), ("/dev/shm", "shm_bytes")))
    yield _Panel("read from storage", (("bytes a second", "read_bytes_per_second"),))
    yield _Panel(
        "page faults a second",
        (("minor", "minor_faults_per_second"), ("major, from disk", "major_faults_per_second")),
    )
    if gpus:
        yield _Panel("GPU memory", _each(gpus, "memory_bytes"))
        yield _Panel("GPU power", _each(gpus, "power_watts"))
        yield _Panel("PCIe from the host", _each(gpus, "pcie_receive_bytes_per_second"))
    yield _Panel(
        "the whole machine",
        (("CPU of all cores, by anybody", "machine_cpu_share"),
         ("periods held back by the quota", "cpu_throttled_share")),
        1.0,
    )  # fmt: skip


def _each(gpus: Sequence[str], rest: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"GPU {gpu.removeprefix('gpu')}", f"{gpu}_{rest}") for gpu in gpus)


def _section(panel: _Panel, history: History, summary: Summary) -> str:
    """One panel; "" where none of its columns was seen."""
    seen = [
        (label, figures, COLOURS[at % len(COLOURS)])
        for at, (label, name) in enumerate(panel.lines)
        if (figures := summary.figures(name)) is not None
    ]
    if not seen:
        return ""
    unit = seen[0][1].unit
    mark, mark_label = panel.mark or (None, "")
    peak = max([figures.peak for _, figures, _ in seen] + [mark or 0.0])
    plot = Plot(
        seconds=history.seconds,
        curves=tuple(
            Curve(history.values(figures.name), colour) for _, figures, colour in reversed(seen)
        ),
        top=panel.top or round_top(peak),
        told=lambda value: _told(value, unit),
        mark=mark,
        mark_label=mark_label,
    )
    keys = "".join(
        f'<span><i style="background:{colour}"></i><b>{_told(figures.mean, unit)}</b>{label}, '
        f"p95 {_told(figures.p95, unit)}, peak {_told(figures.peak, unit)}</span>"
        for label, figures, colour in seen
    )
    first = seen[0][1].fluctuation
    side = "" if first is None else f"<small>fluctuation {first:.0%}</small>"
    return (
        f'<section><h2>{_text(panel.title)}{side}</h2><div class="keys">{keys}</div>'
        f"{draw(plot)}</section>"
    )


def _table(summary: Summary) -> str:
    rows = "".join(map(_row, summary.columns))
    return (
        "<table><thead><tr><th>column<th>mean<th>spread<th>p95<th>peak<th>fluctuation<th>"
        f"unit</thead>{rows}</table>"
    )


def _row(figures: Figures) -> str:
    values = (figures.mean, figures.spread, figures.p95, figures.peak)
    cells = "".join(f"<td>{_told(value, figures.unit)}" for value in values)
    share = "" if figures.fluctuation is None else f"{figures.fluctuation:.0%}"
    return f"<tr><td>{_text(figures.name)}{cells}<td>{share}<td>{_text(figures.unit)}"


def _told(value: float, unit: str) -> str:
    """A number that is short enough for an axis: ``85%``, ``1.5``, ``320 MB``."""
    if unit == "share":
        return f"{value:.0%}"
    if unit in {"bytes", "bytes/s"}:
        return _scaled(value, ("B", "kB", "MB", "GB", "TB")) + unit[5:]
    if unit == "cores":
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return _scaled(value, ("", "k", "M", "G")) + (" W" if unit == "watts" else "")


def _scaled(value: float, units: Sequence[str]) -> str:
    for unit in units:
        if abs(value) < 999.5 or unit == units[-1]:
            break
        value /= 1000
    digits = f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
    return f"{digits} {unit}".rstrip()

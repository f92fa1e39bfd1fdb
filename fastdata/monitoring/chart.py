"""The chart of a monitored run: one HTML file that needs no network, no script, no other file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastdata.monitoring.columns import GPU_MEAN
from fastdata.monitoring.curves import Curve, Plot, draw, round_top
from fastdata.monitoring.history import History
from fastdata.monitoring.records import Figures, Summary
from fastdata.monitoring.status import TARGET_SHARE
from fastdata.monitoring.units import told
from fastdata.webpage import document, escape, read_style
from fastdata.wording import human_seconds

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
    panels = "".join(_section(panel, history, summary) for panel in _panels(summary))
    unseen = "".join(f"<li>not seen: {escape(line)}" for line in summary.unseen)
    title = shlex.join(command) if command else "fastdata monitor"
    return document(
        title,
        style=read_style(__package__, "chart.css"),
        body=(f"{_header(title, summary)}<main>{panels}</main>{_table(summary)}<ul>{unseen}</ul>"),
    )


def _header(title: str, summary: Summary) -> str:
    status = summary.status
    good = " good" if status.kind == "on target" else ""
    following = f"<code>next: {escape(status.next_command)}</code>" if status.next_command else ""
    return (
        f'<header><h1>{escape(title)}</h1><p class="quiet">{human_seconds(summary.seconds)}, '
        f"{summary.samples:,} samples, {summary.cores_allowed:g} cores allowed</p>"
        f'<p class="status{good}">{escape(status.sentence[:1].upper() + status.sentence[1:])}'
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
        told=lambda value: told(value, unit),
        mark=mark,
        mark_label=mark_label,
    )
    keys = "".join(
        f'<span><i style="background:{colour}"></i><b>{told(figures.mean, unit)}</b>{label}, '
        f"p95 {told(figures.p95, unit)}, peak {told(figures.peak, unit)}</span>"
        for label, figures, colour in seen
    )
    first = seen[0][1].fluctuation
    side = "" if first is None else f"<small>fluctuation {first:.0%}</small>"
    return (
        f'<section><h2>{escape(panel.title)}{side}</h2><div class="keys">{keys}</div>'
        f"{draw(plot)}</section>"
    )


def _table(summary: Summary) -> str:
    rows = "".join(map(_row, summary.columns))
    return (
        '<table class="figures"><thead><tr><th>column<th>mean<th>spread<th>p95<th>peak'
        f"<th>fluctuation<th>unit</thead>{rows}</table>"
    )


def _row(figures: Figures) -> str:
    values = (figures.mean, figures.spread, figures.p95, figures.peak)
    cells = "".join(f"<td>{told(value, figures.unit)}" for value in values)
    share = "" if figures.fluctuation is None else f"{figures.fluctuation:.0%}"
    return f"<tr><td>{escape(figures.name)}{cells}<td>{share}<td>{escape(figures.unit)}"

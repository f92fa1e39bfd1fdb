"""The end of a monitored run: figures, the status sentence, and what was not seen."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fastdata.monitoring import Figures, Summary
from fastdata.monitoring.units import label, told
from fastdata.wording import human_seconds, printable

__all__ = ["show"]

STYLES = {"on target": "bold green", "uneven": "bold yellow", "below target": "bold yellow"}
# Told in cores above, and in the log.
LEFT_OUT = {"cpu_share", "worker_cpu_cores_min"}


def show(summary: Summary, out: Console, *, written: tuple[str, ...]) -> None:
    """Prints a summary.

    Args:
        summary: Of the run.
        out: The console for it.
        written: Files that were written.
    """
    if summary.columns:
        out.print(_table(summary))
    sentence = summary.status.sentence
    out.print(Text(printable(sentence), style=STYLES.get(summary.status.kind, "bold")))
    for line in _more(summary, written):
        out.print(printable(line), soft_wrap=not out.is_terminal)


def _more(summary: Summary, written: tuple[str, ...]) -> Iterator[str]:
    if summary.status.next_command:
        yield f"next: {summary.status.next_command}"
    if summary.throttle:
        yield f"GPU clocks were held down by: {', '.join(summary.throttle)}"
    for line in summary.unseen:
        yield f"not seen: {line}"
    yield (
        f"watched {human_seconds(summary.seconds)}, {summary.samples:,} samples; the monitor took "
        f"{summary.monitor_cpu_share:.1%} of a core"
    )
    if written:
        yield f"written: {', '.join(written)}"


def _table(summary: Summary) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for name in ("mean", "spread", "p95", "peak", "fluctuation"):
        table.add_column(name, justify="right", no_wrap=True)
    for figures in summary.columns:
        if _is_told(figures, summary):
            table.add_row(label(figures.name), *_cells(figures))
    return table


def _is_told(figures: Figures, summary: Summary) -> bool:
    # With one GPU, the mean over the GPUs is that GPU.
    is_repeated = figures.name == "gpu0_busy_share" and summary.figures("gpu1_busy_share") is None
    return figures.name not in LEFT_OUT and not is_repeated


def _cells(figures: Figures) -> tuple[str, ...]:
    values = (figures.mean, figures.spread, figures.p95, figures.peak)
    share = None if figures.fluctuation is None else figures.fluctuation
    return (*(told(value, figures.unit) for value in values), told(share, "share"))

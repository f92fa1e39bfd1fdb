"""Records as lines of text, for the log and the terminal alike."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping

from fastdata.training.records import (
    CheckpointRecord,
    EpochRecord,
    EvalRecord,
    FitResult,
    LogLine,
    Record,
    StartRecord,
)

__all__ = ["describe", "fitted", "log_record", "shown"]

_log = logging.getLogger("fastdata.training")


def describe(record: Record) -> str:
    """One line, or a few for the start, that say what a record says."""
    if isinstance(record, LogLine):
        return _joined(dict(_parts(record)))
    if isinstance(record, StartRecord):
        return _start(record)
    if isinstance(record, EpochRecord):
        return (
            f"epoch {record.epoch} done: loss {record.loss:.4g}, {record.samples} samples in "
            f"{record.seconds:.1f} s, first batch after {_time(record.first_batch_seconds)}"
        )
    if isinstance(record, EvalRecord):
        best = " (best)" if record.is_best else ""
        return f"evaluation at step {record.step}: {_metrics(record.metrics)}{best}"
    if isinstance(record, CheckpointRecord):
        return f"saved {record.path} ({_size(record.size_bytes)}, {_time(record.seconds)})"
    return _result(record)


def log_record(record: Record) -> None:
    """Writes a record to the logger "fastdata.training"; what a Trainer reports to by itself."""
    _log.info("%s", describe(record))


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Shows the lines on stderr inside, unless the program has set up logging by itself."""
    if _log.hasHandlers():
        yield
        return
    handler, level = logging.StreamHandler(), _log.level
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    try:
        yield
    finally:
        _log.removeHandler(handler)
        _log.setLevel(level)


def fitted(line: LogLine, columns: int) -> str:
    """What a log line says, in at most so many characters: the less important parts are left out.

    Args:
        line: What to say.
        columns: Characters there is room for.
    """
    shown: dict[str, str] = {}
    for name, text in _parts(line):
        longer = shown | {name: text}
        if len(_joined(longer)) <= columns:
            shown = longer
    return _joined(shown)


_ORDER = ("step", "loss", "lr", "rate", "data", "compute", "memory", "skipped")


def _parts(line: LogLine) -> Iterator[tuple[str, str]]:
    """The parts, the most important first; one that comes again says more than before."""
    share = f"{line.data_share:.0%}"
    data = f"data {_time(line.data_seconds)} ({share})"
    yield "loss", f"loss {line.loss:.4g}"
    yield "rate", f"{line.samples_per_second:,.0f} samples/s"
    yield "data", f"data {share}"
    yield "memory", _size(line.memory_bytes)
    yield "step", f"step {line.step}"
    if line.skipped_steps:
        yield "skipped", f"skipped {line.skipped_steps}"
    yield "step", f"epoch {line.epoch} step {line.step}"
    yield "data", data
    yield "compute", f"compute {_time(line.compute_seconds)}"
    yield "lr", f"lr {line.lr:.2e}"
    if line.hidden_seconds >= 5e-4:
        yield "data", f"{data} +{_time(line.hidden_seconds)} hidden"


def _joined(shown: Mapping[str, str]) -> str:
    return "  ".join(shown[name] for name in _ORDER if name in shown)


def _start(start: StartRecord) -> str:
    length = "unknown length" if start.total_steps is None else f"{start.total_steps} steps"
    ranks = f", {start.world} processes" if start.world > 1 else ""
    lines = [
        f"training {start.parameters:,} parameters on {start.device} in {start.precision}{ranks}: "
        f"{length}",
        *(f"  {setting}" for setting in start.settings),
    ]
    if start.resumed_from is not None:
        lines.append(f"  goes on after step {start.step} from {start.resumed_from}")
    return "\n".join(lines)


def _result(result: FitResult) -> str:
    told = f"; {_metrics(result.metrics)}" if result.metrics else ""
    best = f"; best {result.best:.4g} at step {result.best_step}" if result.best is not None else ""
    return f"{result.reason} after step {result.step} in {result.seconds:.1f} s{told}{best}"


def _metrics(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.1f} ms"


def _size(size_bytes: int) -> str:
    return (
        f"{size_bytes / 2**30:.1f} GiB" if size_bytes >= 2**30 else f"{size_bytes / 2**20:.0f} MiB"
    )

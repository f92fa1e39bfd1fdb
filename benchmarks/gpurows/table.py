"""Turns the lines of gpu.py into the table: medians over the rounds, ratios within rounds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from gpurows.cases import CASES, OURS, POSSIBLE, Case
from gpurows.starts_table import starts_report

__all__ = ["Line", "faults", "ratios", "report"]

Line = dict[str, Any]

RATE = "images_per_second"
HEADER = (
    "| loader | images/s onto the GPU | FastLoader `dali` is | asked | GPU busy | cores busy | "
    "training images/s | of the possible | asked | GPU busy | cores busy |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
)


def report(lines: Sequence[Line]) -> str:
    """The table of the loaders and what is said of epoch starts, each if there are lines of it."""
    rows = [line for line in lines if line["case"] != "epoch-starts"]
    starts = [line for line in lines if line["case"] == "epoch-starts"]
    parts = [_loaders(rows)] if rows else []
    return "\n\n".join(parts + ([starts_report(starts)] if starts else []))


def faults(lines: Sequence[Line]) -> list[str]:
    """What was asked and is not reached, in one line each; what was not measured is no fault."""
    found = []
    for case in CASES:
        faster = ratios(lines, OURS, case.name, measure="load")
        if case.asked and faster and statistics.median(faster) < case.asked:
            found.append(
                f"FastLoader dali is {statistics.median(faster):.2f}x of {case.label}; "
                f"expected {case.asked}x"
            )
        share = ratios(lines, case.name, POSSIBLE, measure="train")
        if case.asked_share and share and statistics.median(share) < case.asked_share:
            found.append(
                f"training with {case.label} reaches {statistics.median(share):.1%} of the "
                f"possible; expected {case.asked_share:.0%}"
            )
    return found


def ratios(lines: Sequence[Line], ours: str, theirs: str, *, measure: str) -> list[float]:
    """One case's images/s to another's, for each round in which both were measured."""
    mine, other = (
        {(line["started"], line["round"]): line[RATE] for line in _measured(lines, name, measure)}
        for name in (ours, theirs)
    )
    return [mine[at] / other[at] for at in sorted(mine.keys() & other.keys())]


def _loaders(lines: Sequence[Line]) -> str:
    names = {line["case"] for line in lines}
    rows = [_row(case, lines) for case in CASES if case.name in names]
    return "\n".join((*HEADER, *rows, "", _note(lines)))


def _row(case: Case, lines: Sequence[Line]) -> str:
    reasons = [line["failed"] for line in lines if line["case"] == case.name and "failed" in line]
    missing = _cell(reasons[0]) if reasons else "not measured"
    cells = (
        case.label,
        *(_load(case, lines, missing) if case.loads else ("", "", "", "", "")),
        *_train(case, lines, missing),
    )
    return f"| {' | '.join(cells)} |"


def _load(case: Case, lines: Sequence[Line], missing: str) -> tuple[str, ...]:
    measured = _measured(lines, case.name, "load")
    asked = f"{case.asked:.1f}x" if case.asked else ""
    if not measured:
        return (missing, "", asked, "", "")
    faster = [] if case.name == OURS else ratios(lines, OURS, case.name, measure="load")
    ratio = f"**{statistics.median(faster):.2f}x**{_range(faster, '.2f')}" if faster else ""
    return (_rate(measured), ratio, asked, *_busy(measured))


def _train(case: Case, lines: Sequence[Line], missing: str) -> tuple[str, ...]:
    measured = _measured(lines, case.name, "train")
    asked = f"{case.asked_share:.0%}" if case.asked_share else ""
    if not measured:
        return (missing, "", asked, "", "")
    share = [] if case.name == POSSIBLE else ratios(lines, case.name, POSSIBLE, measure="train")
    part = f"**{statistics.median(share):.1%}**{_range(share, '.1%')}" if share else ""
    return (_rate(measured), part, asked, *_busy(measured))


def _measured(lines: Sequence[Line], name: str, measure: str) -> list[Line]:
    return [line for line in lines if line["case"] == name and line.get("measure") == measure]


def _rate(lines: Sequence[Line]) -> str:
    """The median, and with several rounds half the range as a part of it."""
    rates = [line[RATE] for line in lines]
    median = statistics.median(rates)
    spread = f" ± {(max(rates) - min(rates)) / 2 / median:.0%}" if len(rates) > 1 else ""
    return f"{median:,.0f}{spread}"


def _range(values: Sequence[float], form: str) -> str:
    return f" ({min(values):{form}} to {max(values):{form}})" if len(values) > 1 else ""


def _busy(lines: Sequence[Line]) -> tuple[str, str]:
    gpu = [line["gpu_busy"] for line in lines if line["gpu_busy"] is not None]
    cores = statistics.median(line["cores_busy"] for line in lines)
    return f"{statistics.median(gpu):.0%}" if gpu else "no GPU at hand", f"{cores:.0%}"


def _note(lines: Sequence[Line]) -> str:
    """Where this was measured, and how far others disturbed it."""
    measured = [line for line in lines if "measure" in line] or lines
    places = sorted({line["place"] for line in measured})
    others = [line["cores_of_others"] for line in lines if "cores_of_others" in line]
    disturbed = (
        f" Meanwhile other processes took {statistics.median(others):.2f} cores in the median, "
        f"{max(others):.2f} at most."
        if others
        else ""
    )
    return f"Run on {'; '.join(places)}.{disturbed}"


def _cell(reason: str) -> str:
    """A reason that cannot break the table."""
    return " ".join(reason.replace("|", "/").split())

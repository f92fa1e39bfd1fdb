"""Turns the JSON lines of a run into tables: ratios within rounds, and their spread.

python benchmarks/peers/table.py < benchmarks/results/peers.jsonl
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from typing import Any

from cases import GROUPS, OWN, Case, Group

Line = dict[str, Any]

RATE, CPU_RATE = "images_per_second", "images_per_cpu_second"
HEADER = (
    "| loader | images/s | FastLoader is | asked | images per CPU second | cores | memory |",
    "|---|---|---|---|---|---|---|",
)


def report(lines: Sequence[Line]) -> str:
    """One table a group, and what the run says about itself.

    Args:
        lines: What run.py printed: one line about the run, then those of the cases. A group of
            which nothing was run is left out.
    """
    run, *lines = lines
    names = {line["case"] for line in lines}
    groups = [group for group in GROUPS if any(case.name in names for case in group.cases)]
    others = [line["cores_of_others"] for line in lines if "cores_of_others" in line] or [0.0]
    note = (
        f"Measured on {run['machine']}, {run['cores']} cores, with {run['threads']} threads or "
        f"workers, in {run['rounds']} rounds of {run['seconds']:g} s a case. Meanwhile other "
        f"processes took {statistics.median(others):.2f} cores in the median, "
        f"{max(others):.2f} at most."
    )
    return "\n\n".join((*(_table(group, lines) for group in groups), note))


def reference(group: Group, lines: Sequence[Line]) -> str | None:
    """Name of the case that the others of the group are compared with."""
    own = (case.name for case in group.cases if case.environment == OWN)
    return next((name for name in own if _measured(lines, name)), None)


def ratios(lines: Sequence[Line], ours: str, theirs: str, *, key: str = RATE) -> list[float]:
    """One case's figure to another's, for each round in which both were run."""
    mine = {line["round"]: line[key] for line in _measured(lines, ours)}
    other = {line["round"]: line[key] for line in _measured(lines, theirs)}
    return [mine[at] / other[at] for at in sorted(mine.keys() & other.keys())]


def _measured(lines: Sequence[Line], name: str) -> list[Line]:
    return [line for line in lines if line["case"] == name and "failed" not in line]


def _table(group: Group, lines: Sequence[Line]) -> str:
    ours = reference(group, lines)
    rows = [_row(case, ours, lines) for case in group.cases]
    return "\n".join((f"**{group.title}**", "", *HEADER, *filter(None, rows)))


def _row(case: Case, ours: str | None, lines: Sequence[Line]) -> str:
    mine = [line for line in lines if line["case"] == case.name]
    if not mine:
        return ""
    asked = f"{case.asked:.1f}x" if case.asked else ""
    measured = _measured(lines, case.name)
    if not measured:
        return f"| {case.label} | not measured: {_cell(mine[0]['failed'])} | | {asked} | | | |"
    compared = None if ours == case.name else ours
    cells = (
        case.label,
        _rate([line[RATE] for line in measured]),
        _ratio(ratios(lines, compared, case.name)) if compared else "",
        asked,
        _per_cpu_second(case.name, compared, lines),
        f"{_median(measured, 'cores'):.1f}",
        f"{_median(measured, 'held_bytes') / 1e6:,.0f} MB",
    )
    return f"| {' | '.join(cells)} |"


def _median(lines: Sequence[Line], key: str) -> float:
    return statistics.median(line[key] for line in lines)


def _rate(rates: Sequence[float]) -> str:
    """The median, and half the range as a part of it."""
    median = statistics.median(rates)
    return f"{median:,.0f} ± {(max(rates) - min(rates)) / 2 / median:.0%}"


def _ratio(values: Sequence[float]) -> str:
    """The median, the least and the greatest."""
    if not values:
        return ""
    return f"**{statistics.median(values):.2f}x** ({min(values):.2f} to {max(values):.2f})"


def _per_cpu_second(name: str, compared: str | None, lines: Sequence[Line]) -> str:
    rate = f"{_median(_measured(lines, name), CPU_RATE):,.0f}"
    values = ratios(lines, compared, name, key=CPU_RATE) if compared else []
    return f"{rate} ({statistics.median(values):.2f}x)" if values else rate


def _cell(reason: str) -> str:
    """A reason that cannot break the table."""
    return " ".join(reason.replace("|", "/").split())


if __name__ == "__main__":
    print(report([json.loads(line) for line in sys.stdin]))

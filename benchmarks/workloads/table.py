"""Turns the lines of run.py into a table: medians over the rounds, ratios within rounds."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["Line", "faults", "report"]

Line = dict[str, Any]

HEADER = (
    "| workload | batch | samples/s | wait for data a step | with first batches | share of the "
    "loop | GPU busy | loss | held out | without learning |",
    "|---|---|---|---|---|---|---|---|---|---|",
)
WITHOUT_IMAGES = ("pm25_windows",)
ASKED_CUT = 0.79


def report(lines: Sequence[Line]) -> str:
    """The table, and what the lines say about the machine."""
    names = sorted({line["workload"] for line in lines})
    rows = [row for name in names for row in _rows(name, lines)]
    places = {(line["date"], line["machine"], line["cores"]) for line in lines}
    told = "; ".join(f"{machine}, {cores} cores, {date}" for date, machine, cores in sorted(places))
    rounds = min(len({line["round"] for line in lines if line["workload"] == n}) for n in names)
    others = [line["cpu_seconds_of_others"] / line["cpu_seconds"] for line in lines]
    note = (
        f"Measured on {told}, in {rounds} rounds or more. For each CPU second of a case, other "
        f"processes took {statistics.median(others):.2f} in the median, {max(others):.2f} at most."
    )
    return "\n".join((*HEADER, *rows, "", note))


def faults(lines: Sequence[Line]) -> list[str]:
    """What the lines must not show, in one line each; empty when all is well."""
    found = [
        f"{line['workload']}, {line['case']}, round {line['round']}: has not learned: {fault}"
        for line in lines
        for fault in line["faults"]
    ]
    for name in sorted({line["workload"] for line in lines}):
        own = [line for line in lines if line["workload"] == name]
        counts = {(line["case"], line["samples"]) for line in own}
        if len({count for _, count in counts}) > 1:
            found.append(f"{name}: the cases trained on different numbers of samples: {counts}")
        cut = 1 - statistics.median(_ratios(own, "wait_ms"))
        if name not in WITHOUT_IMAGES and cut < ASKED_CUT:
            found.append(f"{name}: waits only {cut:.0%} less a step; expected {ASKED_CUT:.0%}")
    return found


def _rows(name: str, lines: Sequence[Line]) -> Iterator[str]:
    own = [line for line in lines if line["workload"] == name]
    for case in ("before", "after"):
        mine = [line for line in own if line["case"] == case]
        rate = _spread([line["samples_per_second"] for line in mine])
        waits, with_first = (
            f"{statistics.median(line[key] for line in mine):.2f} ms"
            for key in ("wait_ms", "wait_ms_with_first")
        )
        if case == "after":
            rate += f", **{statistics.median(_ratios(own, 'samples_per_second')):.2f}x**"
            waits += f", **{statistics.median(_ratios(own, 'wait_ms')) - 1:+.1%}**"
            with_first += f", {statistics.median(_ratios(own, 'wait_ms_with_first')) - 1:+.1%}"
        first = mine[0]
        cells = (
            f"{name}, {case}",
            str(first["batch_size"]),
            rate,
            waits,
            with_first,
            f"{statistics.median(line['wait_share'] for line in mine):.1%}",
            _busy(mine),
            f"{first['loss_first']:.3g} to {first['loss_last']:.3g}",
            *_judged(mine),
        )
        yield f"| {' | '.join(cells)} |"


def _judged(lines: Sequence[Line]) -> tuple[str, str]:
    """The medians of all metrics, and what they are without learning."""
    each = list(zip(*((line, *line["others"]) for line in lines), strict=True))
    values = (statistics.median(entry["value"] for entry in entries) for entries in each)
    names = (entries[0]["metric"] for entries in each)
    return (
        "; ".join(f"{name} {value:.3g}" for name, value in zip(names, values, strict=True)),
        "; ".join(f"{entries[0]['trivial']:.3g}" for entries in each),
    )


def _ratios(lines: Sequence[Line], key: str) -> list[float]:
    """After to before, for each round."""
    by_case = {
        case: {line["round"]: line[key] for line in lines if line["case"] == case}
        for case in ("before", "after")
    }
    before, after = by_case["before"], by_case["after"]
    return [after[at] / before[at] for at in sorted(before.keys() & after.keys())]


def _spread(rates: Sequence[float]) -> str:
    """The median, and half the range as a part of it."""
    median = statistics.median(rates)
    return f"{median:,.0f} ± {(max(rates) - min(rates)) / 2 / median:.0%}"


def _busy(lines: Sequence[Line]) -> str:
    """Mean utilisation and its spread within a run."""
    found = [line["gpu"] for line in lines if line["gpu"] is not None]
    if not found:
        return "no GPU at hand"
    mean, deviation = (
        statistics.median(gpu[key] for gpu in found) for key in ("mean", "deviation")
    )
    return f"{mean:.0%} ± {deviation:.0%}"

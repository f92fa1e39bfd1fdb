"""``fastdata profile --compare``: tells a machine by its exit code whether a training slowed."""

from __future__ import annotations

import math
import re
from pathlib import Path

from fastdata.cli import console
from fastdata.errors import UsageError
from fastdata.profiling.findings.compare import EXIT_CODES, compare
from fastdata.profiling.record.store import read_profile
from fastdata.profiling.rendering.report import JSON

__all__ = ["compare_reports", "parse_percent"]

_PERCENT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*%\s*")


def parse_percent(text: str) -> float:
    """``5%`` as 0.05.

    Raises:
        UsageError: It is no percentage above 0.
    """
    found = _PERCENT.fullmatch(text)
    value = float(found[1]) / 100 if found else 0.0
    if not 0 < value < math.inf:
        raise UsageError(f"--max-regress {text!r}; expected a percentage above 0, such as 5%")
    return value


def compare_reports(
    before: Path, after: Path, *, max_regress: str, across_hosts: bool, json: bool
) -> int:
    """Prints what two reports say of each other.

    Args:
        before: A ``report.json``, or the folder of one.
        after: Another.
        max_regress: As typed.
        across_hosts: See `fastdata.profiling.findings.compare.compare`.
        json: Print the whole comparison instead of its sentences.

    Returns:
        The exit code: 0 fine, 2 regression, 3 not comparable, 4 too noisy.
    """
    threshold = parse_percent(max_regress)
    found = compare(
        read_profile(_report(before)),
        read_profile(_report(after)),
        max_regress=threshold,
        across_hosts=across_hosts,
    )
    if json:
        console.print_json(found)
    else:
        lines = [found.sentence]
        lines += [f"  also differs: {setting}" for setting in found.settings]
        for line in lines:
            print(console.printable(line))
    return EXIT_CODES[found.outcome]


def _report(path: Path) -> Path:
    return path / JSON if path.is_dir() else path

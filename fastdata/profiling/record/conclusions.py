"""What a profile concludes from its figures: a verdict, and predictions.

Units are those of `fastdata.profiling.record`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastdata.profiling.record.strict import Estimate, Strict

__all__ = ["Verdict", "VerdictKind", "WhatIf"]

VerdictKind = Literal[
    "data-bound",
    "worth a look",
    "compute-bound",
    "launch-bound",
    "contention",
    "loader alone",
    "INCOMPLETE",
]


@dataclass(frozen=True, kw_only=True)
class Verdict(Strict):
    """Where the time goes, and what to do about it.

    Attributes:
        kind: "loader alone" where nothing was trained, and so nothing is bound by data;
            "INCOMPLETE" when what would be needed for another one is missing.
        sentence: One sentence.
        next_command: What to type or change next; None when there is nothing to gain.
        evidence: The figures behind it, one a line.
        missing: What was not seen, for "INCOMPLETE".
    """

    kind: VerdictKind
    sentence: str
    next_command: str | None
    evidence: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WhatIf(Strict):
    """How long a step would take if one thing were different.

    Attributes:
        name: Such as "with the whole batch already there".
        kind: "measured" was tried in this run; "modelled" was computed from its figures.
        step_seconds: Predicted.
        now_seconds: What that is to be compared with: the median step, or the mean one where steps
            come in bursts, which no median shows.
        how: One line: what was tried, or what the model assumes and why it could not be tried.
    """

    name: str
    kind: Literal["measured", "modelled"]
    step_seconds: Estimate
    now_seconds: float
    how: str

"""How long a step would take if one thing were different, beside how long it takes."""

from __future__ import annotations

from collections.abc import Sequence

from fastdata.profiling.record import Estimate, WhatIf
from fastdata.webpage import escape
from fastdata.wording import human_duration

__all__ = ["what_if_section"]

_WIDTH, _HEIGHT = 1000.0, 26.0
_MIDDLE = _HEIGHT / 2


def what_if_section(step: Estimate | None, what_ifs: Sequence[WhatIf]) -> str:
    """The section; empty without predictions."""
    if step is None or not what_ifs:
        return ""
    most = max(step.high, *(one.step_seconds.high for one in what_ifs)) * 1.02
    rows = _row("now", "", "the median step of this run", step, most, kind="now")
    for one in what_ifs:
        chip = f' <span class="chip">{one.kind}</span>'
        rows += _row(one.name, chip, one.how, one.step_seconds, most, now=one.now_seconds)
    return (
        '<section><h2>What if</h2><p class="quiet">the step\'s time with one thing changed; '
        '"measured" was tried in this run, "modelled" computed from its figures; lines are 95 % '
        f'intervals</p><div class="ifs">{rows}</div></section>'
    )


def _row(
    name: str,
    chip: str,
    how: str,
    value: Estimate,
    most: float,
    *,
    kind: str = "then",
    now: float | None = None,
) -> str:
    gain = f" ({value.median / now - 1:+.0%})" if now else ""
    interval = f"{human_duration(value.low)} to {human_duration(value.high)}"
    return (
        f"<div>{escape(name)}{chip}<small>{escape(how)}</small></div>{_bar(value, most, kind)}"
        f'<div class="number"><b>{human_duration(value.median)}</b>{gain}'
        f"<small>{interval}</small></div>"
    )


def _bar(value: Estimate, most: float, kind: str) -> str:
    middle, low, high = (
        max(0.0, part) / most * _WIDTH for part in (value.median, value.low, value.high)
    )
    ends = "".join(
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_MIDDLE - 5}" y2="{_MIDDLE + 5}"/>'
        for x in (low, high)
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect class="{kind}" y="5" width="{middle:.1f}" height="16" rx="3"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{_MIDDLE}" y2="{_MIDDLE}"/>{ends}</svg>'
    )

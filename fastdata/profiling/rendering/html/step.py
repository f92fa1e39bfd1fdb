"""One step at a glance: its figures, one bar, and the rows that add up to it."""

from __future__ import annotations

from collections.abc import Iterator

from fastdata.profiling.record import Profile
from fastdata.profiling.record.labels import ROW_LABELS, ROW_MEANINGS, shown_rows
from fastdata.webpage import escape
from fastdata.wording import human_duration

__all__ = ["step_section"]

# A narrower part of the bar cannot hold its own share in words.
_LEAST_LABELLED = 0.08


def step_section(profile: Profile) -> str:
    """The section; empty for a profile without steps."""
    if not profile.wall_seconds or profile.step_seconds is None:
        return ""
    facts = "".join(
        f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>"
        for name, value in _facts(profile)
    )
    return (
        f'<section><h2>One step</h2><p class="quiet">mean of {profile.steps:,} steady steps; '
        f'{_clock(profile)}</p><div class="facts">{facts}</div>'
        f"{_bar(profile, profile.wall_seconds)}{_table(profile, profile.wall_seconds)}</section>"
    )


def _clock(profile: Profile) -> str:
    if profile.clock == "cuda":
        return "timed by events on the GPU's stream"
    return "timed by the CPU's clock, by which all wait is exposed"


def _facts(profile: Profile) -> Iterator[tuple[str, str]]:
    step = profile.step_seconds
    assert step is not None
    low, high = human_duration(step.low), human_duration(step.high)
    yield f"median step ({low} to {high})", human_duration(step.median)
    if profile.exposed_share is not None:
        name = "exposed wait: the device idles for data"
        if profile.exposed_share_low is not None and profile.exposed_share_high is not None:
            name += f" ({profile.exposed_share_low:.1%} to {profile.exposed_share_high:.1%})"
        yield name, f"{profile.exposed_share:.1%}"
    if profile.hidden_share is not None and profile.clock == "cuda":
        yield "hidden wait: covered by the GPU's work", f"{profile.hidden_share:.1%}"
    if profile.samples_per_step is not None and profile.wall_seconds:
        yield "samples a second", f"{profile.samples_per_step / profile.wall_seconds:,.0f}"


def _bar(profile: Profile, wall: float) -> str:
    parts = []
    for name in shown_rows(profile.rows):
        share = max(0.0, profile.rows[name]) / wall
        title = f"{ROW_LABELS[name]}: {human_duration(profile.rows[name])}, {share:.1%}"
        inside = f"<b>{share:.0%}</b>{ROW_LABELS[name]}" if share >= _LEAST_LABELLED else ""
        parts.append(
            f'<div class="{name}" style="--c:var(--{name});flex:{share:.5f} 0 0;'
            f'{"" if inside else "padding:0"}" title="{escape(title)}">{inside}</div>'
        )
    return f'<div class="bar" role="img" aria-label="rows of a step">{"".join(parts)}</div>'


def _table(profile: Profile, wall: float) -> str:
    lines = "".join(
        f'<tr><th><i class="key" style="--c:var(--{name})"></i>{ROW_LABELS[name]}'
        f'<td class="number">{_milliseconds(profile.rows[name])}'
        f'<td class="number">{profile.rows[name] / wall:.1%}'
        f'<td class="quiet">{ROW_MEANINGS[name]}'
        for name in shown_rows(profile.rows)
    )
    return (
        f'<table class="rows"><tbody>{lines}</tbody><tfoot><tr><th>one step'
        f'<td class="number">{_milliseconds(wall)}<td class="number">100.0%<td></tfoot></table>'
    )


def _milliseconds(seconds: float) -> str:
    """All with the same decimals, so that a column visibly adds up."""
    return f"{seconds * 1e3:,.2f} ms"

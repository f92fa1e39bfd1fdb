"""The page: the verdict, then what it rests on."""

from __future__ import annotations

import shlex

from fastdata.profiling.record import Profile, Verdict, VerdictKind
from fastdata.profiling.rendering.html.facts import (
    facts_section,
    gaps_section,
    rank_section,
    slowest_section,
    sync_section,
)
from fastdata.profiling.rendering.html.flame import stage_section
from fastdata.profiling.rendering.html.lanes import lane_section
from fastdata.profiling.rendering.html.step import step_section
from fastdata.profiling.rendering.html.timeline import timeline_section
from fastdata.profiling.rendering.html.whatifs import what_if_section
from fastdata.webpage import document, escape, read_style

__all__ = ["render"]

_TONES: dict[VerdictKind, str] = {
    "data-bound": "bad",
    "worth a look": "warn",
    "compute-bound": "good",
    "launch-bound": "warn",
    "contention": "warn",
    "loader alone": "alone",
    "INCOMPLETE": "bad",
}


def render(profile: Profile) -> str:
    """The page as text, to be written as UTF-8."""
    parts = (
        _verdict(profile.verdict),
        step_section(profile),
        timeline_section(profile.timeline),
        what_if_section(profile.step_seconds, profile.what_if),
        stage_section(profile.workers),
        lane_section(profile.workers.lanes),
        slowest_section(profile.workers),
        sync_section(profile.syncs),
        rank_section(profile.ranks),
        gaps_section(profile),
        facts_section(profile),
        _origin(profile),
    )
    return document(
        f"fastdata profile: {profile.verdict.kind}",
        style=read_style(__package__, "report.css"),
        body="".join(parts),
    )


def _verdict(verdict: Verdict) -> str:
    evidence = "".join(f"<li>{escape(line)}" for line in verdict.evidence)
    following = (
        f'<div class="next"><b>Next</b><code>{escape(verdict.next_command)}</code></div>'
        if verdict.next_command
        else ""
    )
    return (
        f'<section class="verdict {_TONES[verdict.kind]}"><span class="chip">'
        f"{escape(verdict.kind)}</span><h1>{escape(verdict.sentence)}</h1>{following}"
        f"{f'<ul>{evidence}</ul>' if evidence else ''}</section>"
    )


def _origin(profile: Profile) -> str:
    words = escape(shlex.join(profile.command)) if profile.command else "fastdata.Profiler"
    return f'<p class="quiet origin"><code>{words}</code><br>{escape(profile.started_at)}</p>'

"""A profile as some twenty lines of text, for a terminal, a log or a plain console."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len

from fastdata.profiling.record import Profile, VerdictKind, WhatIf
from fastdata.profiling.record.labels import ROW_LABELS, shown_rows
from fastdata.profiling.rendering.card_workers import rank_lines, worker_lines
from fastdata.profiling.rendering.lines import INDENT, NAME, Line, Paper, Span, row, shorten, wrap
from fastdata.wording import human_duration, printable

__all__ = ["card_lines"]

NARROWEST, WIDEST = 60, 100
_STYLES: dict[VerdictKind, str] = {
    "data-bound": "bold red",
    "worth a look": "bold yellow",
    "compute-bound": "bold green",
    "launch-bound": "bold yellow",
    "contention": "bold yellow",
    "loader alone": "bold blue",
    "INCOMPLETE": "bold red",
}
_MOST_SYNCS = 5
_ROW_STYLES = {"exposed_data_wait": "red", "other_host_work": "dim", "residual": "dim"}


def card_lines(profile: Profile, *, columns: int, ascii_only: bool) -> tuple[Line, ...]:
    """The card: verdict first, next command last, so that both stay in sight.

    Args:
        profile: Any.
        columns: Of the console; the card takes 60..100.
        ascii_only: Draw with ASCII, for a console that has no blocks.
    """
    paper = Paper(min(max(columns, NARROWEST), WIDEST), ascii_only)
    blocks = (
        _verdict(profile, paper),
        _step(profile, paper),
        rank_lines(profile.ranks),
        worker_lines(profile.workers, paper, told=profile.verdict.evidence),
        _syncs(profile, paper),
        _what_ifs(profile, paper),
        _gaps(profile, paper),
        _next(profile),
    )
    lines: list[Line] = []
    for block in blocks:
        made = list(block)
        lines += [(), *made] if lines and made else made
    return tuple(lines)


def _verdict(profile: Profile, paper: Paper) -> Iterator[Line]:
    style = _STYLES[profile.verdict.kind]
    names_itself = profile.verdict.sentence.startswith(profile.verdict.kind)
    if not names_itself:
        yield (Span(profile.verdict.kind, style),)
    for text in wrap(profile.verdict.sentence, paper.columns):
        yield (Span(text, style if names_itself else "bold"),)
    for line in profile.verdict.evidence:
        yield from _listed(line, paper)


def _listed(text: str, paper: Paper) -> Iterator[Line]:
    for number, part in enumerate(wrap(text, paper.columns - 4)):
        yield (Span("    " if number else "  - "), Span(part))


def _step(profile: Profile, paper: Paper) -> Iterator[Line]:
    wall, step = profile.wall_seconds, profile.step_seconds
    if not wall or step is None:
        return
    rate = profile.samples_per_step
    told = [
        f"step {human_duration(step.median)} ({human_duration(step.low)} to "
        f"{human_duration(step.high)})",
        f"{profile.steps:,} steps",
        *([] if rate is None else [f"{rate / wall:,.0f} samples/s"]),
    ]
    for text in wrap(", ".join(told), paper.columns):
        yield (Span(text),)
    for name in shown_rows(profile.rows):
        seconds, style = profile.rows[name], _ROW_STYLES.get(name, "blue")
        yield row(ROW_LABELS[name], seconds, share=seconds / wall, style=style, paper=paper)
    rule = ("-" if paper.ascii_only else "─") * (NAME + 22)
    yield (Span(INDENT), Span(rule, "dim"))
    yield row("one step", wall, share=1.0, style="", paper=paper, is_sum=True)


def _syncs(profile: Profile, paper: Paper) -> Iterator[Line]:
    if not profile.syncs:
        return
    yield (Span("waits for the GPU", "bold"), Span("  longest first"))
    for one in profile.syncs[:_MOST_SYNCS]:
        figures = f"{human_duration(one.seconds):>8} in {one.count:,}"
        place = f"{one.call} at {one.file}:{one.line}" if one.file else one.call
        room = paper.columns - len(INDENT) - len(figures) - 2
        name = shorten(printable(place), room, ascii_only=paper.ascii_only, is_path=True)
        yield (Span(INDENT), Span(name), Span(f"  {figures}"))


def _what_ifs(profile: Profile, paper: Paper) -> Iterator[Line]:
    if profile.step_seconds is None or not profile.what_if:
        return
    yield (Span("what if", "bold"),)
    for one in profile.what_if:
        figures = _prediction(one)
        room = paper.columns - len(INDENT) - len(figures) - 2
        *above, last = [*wrap(one.name, paper.columns - 2)] or [""]
        if cell_len(last) > room:
            above, last = [*above, last], ""
        for text in above:
            yield (Span(INDENT), Span(text))
        name = shorten(last, room, ascii_only=paper.ascii_only)
        yield (Span(INDENT), Span(name), Span(f"  {figures}"))


def _prediction(one: WhatIf) -> str:
    value, now = one.step_seconds, one.now_seconds
    gain = f"{value.median / now - 1:+5.0%}" if now else ""
    interval = f"({human_duration(value.low)} to {human_duration(value.high)})"
    return f"{human_duration(value.median):>8} {gain}  {interval:<22}  {one.kind}"


def _gaps(profile: Profile, paper: Paper) -> Iterator[Line]:
    lines = [*profile.verdict.missing, *profile.notes]
    if lines:
        yield (Span("missing or doubtful", "bold"),)
    for line in lines:
        yield from _listed(line, paper)


def _next(profile: Profile) -> Iterator[Line]:
    """Whole on one line, however long: it is there to be copied."""
    if profile.verdict.next_command:
        yield (Span("next", "bold"), Span(f"  {printable(profile.verdict.next_command)}", "cyan"))

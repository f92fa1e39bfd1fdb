"""A profile as some twenty lines of text, for a terminal, a log or a plain console."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from fastdata.profiling.labels import ROW_LABELS, STAGE_LABELS
from fastdata.profiling.lines import Line, Span, bar, shorten, wrap
from fastdata.profiling.record import (
    ROWS,
    STAGES,
    Profile,
    RankFigures,
    Stage,
    VerdictKind,
    WhatIf,
    Workers,
)
from fastdata.wording import human_duration, printable

__all__ = ["card_lines"]

NARROWEST, WIDEST = 60, 100
_INDENT = "  "
# "waiting for data", "copy to device", and the longest usual names of operations.
_NAME = 22
_STYLES: dict[VerdictKind, str] = {
    "data-bound": "bold red",
    "worth a look": "bold yellow",
    "compute-bound": "bold green",
    "launch-bound": "bold yellow",
    "contention": "bold yellow",
    "INCOMPLETE": "bold red",
}
_ROW_STYLES = {"exposed_data_wait": "red", "other_host_work": "dim", "residual": "dim"}
_KINDS = {
    "process": ("1 process", "processes"),
    "thread": ("1 thread", "threads"),
    "main": ("in the training process", "training processes"),
}
_MOST_OPERATIONS = 3
_LEAST_SHARE = 0.05
_MOST_RANKS = 4


@dataclass(frozen=True)
class _Paper:
    """What the card is written on."""

    columns: int
    ascii_only: bool


def card_lines(profile: Profile, *, columns: int, ascii_only: bool) -> tuple[Line, ...]:
    """The card: verdict first, next command last, so that both stay in sight.

    Args:
        profile: Any.
        columns: Of the console; the card takes 60..100.
        ascii_only: Draw with ASCII, for a console that has no blocks.
    """
    paper = _Paper(min(max(columns, NARROWEST), WIDEST), ascii_only)
    blocks = (
        _verdict(profile, paper),
        _step(profile, paper),
        _ranks(profile.ranks),
        _workers(profile.workers, paper),
        _what_ifs(profile, paper),
        _gaps(profile, paper),
        _next(profile),
    )
    lines: list[Line] = []
    for block in blocks:
        made = list(block)
        lines += [(), *made] if lines and made else made
    return tuple(lines)


def _verdict(profile: Profile, paper: _Paper) -> Iterator[Line]:
    style = _STYLES[profile.verdict.kind]
    names_itself = profile.verdict.sentence.startswith(profile.verdict.kind)
    if not names_itself:
        yield (Span(profile.verdict.kind, style),)
    for text in wrap(profile.verdict.sentence, paper.columns):
        yield (Span(text, style if names_itself else "bold"),)
    for line in profile.verdict.evidence:
        yield from _listed(line, paper)


def _listed(text: str, paper: _Paper) -> Iterator[Line]:
    for number, part in enumerate(wrap(text, paper.columns - 4)):
        yield (Span("    " if number else "  - "), Span(part))


def _step(profile: Profile, paper: _Paper) -> Iterator[Line]:
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
    for name in ROWS:
        style = _ROW_STYLES.get(name, "blue")
        yield _row(ROW_LABELS[name], profile.rows[name], profile.rows[name] / wall, style, paper)
    rule = ("-" if paper.ascii_only else "─") * (_NAME + 22)
    yield (Span(_INDENT), Span(rule, "dim"))
    yield _row("one step", wall, 1.0, "", paper, is_sum=True)


def _row(
    name: str, seconds: float, share: float, style: str, paper: _Paper, *, is_sum: bool = False
) -> Line:
    label = shorten(printable(name), _NAME, ascii_only=paper.ascii_only)
    figures = f"{seconds * 1e3:11,.2f} ms {share:7.1%}"
    width = paper.columns - len(_INDENT) - _NAME - len(figures) - 3
    drawn = "" if is_sum else bar(share, width, ascii_only=paper.ascii_only)
    return (
        Span(_INDENT), Span(label, "bold" if is_sum else ""),
        Span(figures, "bold" if is_sum else ""), Span(f"  {drawn}".rstrip(), style),
    )  # fmt: skip


def _ranks(ranks: Sequence[RankFigures]) -> Iterator[Line]:
    """The slowest ranks by what they do themselves, since all take as long as the slowest."""
    if not ranks:
        return
    yield (Span("ranks", "bold"), Span("  step, exposed wait, own work without waiting for others"))
    slowest = sorted(ranks, key=lambda rank: -(rank.own_seconds or 0.0))
    for rank in slowest[:_MOST_RANKS]:
        exposed = "-" if rank.exposed_share is None else f"{rank.exposed_share:.1%}"
        own = "-" if rank.own_seconds is None else human_duration(rank.own_seconds)
        step = human_duration(rank.step_seconds.median)
        yield (Span(f"{_INDENT}rank {rank.rank:<5} {step:>9} {exposed:>7} {own:>9}"),)
    if len(ranks) > _MOST_RANKS:
        yield (Span(f"{_INDENT}and {len(ranks) - _MOST_RANKS} with less work of their own", "dim"),)


def _workers(workers: Workers, paper: _Paper) -> Iterator[Line]:
    if not workers.lanes:
        return
    for number, text in enumerate(wrap("; ".join(_worker_facts(workers)), paper.columns - 9)):
        yield (Span(" " * 7 if number else "workers", "bold"), Span(f"  {text}"))
    whole = sorted(
        (stage for stage in workers.stages if not stage.operation),
        key=lambda stage: STAGES.index(stage.name),
    )
    for stage in whole:
        seconds = stage.seconds_per_batch
        yield _row(STAGE_LABELS[stage.name], seconds, stage.share, "magenta", paper)
        for part in _large(workers.stages, stage):
            name = f"  {part.operation}"
            yield _row(name, part.seconds_per_batch, part.share, "dim", paper)
    if workers.slowest:
        worst = workers.slowest[0]
        index = "" if worst.index is None else f", index {worst.index}"
        head = f"  slowest sample {human_duration(worst.seconds)}{index}  "
        room = max(paper.columns - len(head), 12)
        name = shorten(printable(worst.name), room, ascii_only=paper.ascii_only, is_path=True)
        yield (Span(head), Span(name.rstrip()))


def _worker_facts(workers: Workers) -> Iterator[str]:
    lanes = workers.lanes
    one, several = _KINDS[lanes[0].kind]
    yield one if len(lanes) == 1 else f"{len(lanes)} {several}"
    wall = math.fsum(lane.wall_seconds for lane in lanes)
    if wall > 0:
        yield f"{min(1.0, math.fsum(lane.busy_seconds for lane in lanes) / wall):.0%} busy"
    if workers.ready_share is not None:
        yield f"a batch lay ready at {workers.ready_share:.0%} of the fetches"
    yield "times a batch:"


def _large(stages: Sequence[Stage], whole: Stage) -> list[Stage]:
    parts = [
        one
        for one in stages
        if one.operation and one.name == whole.name and one.share >= _LEAST_SHARE
    ]
    return sorted(parts, key=lambda one: -one.share)[:_MOST_OPERATIONS]


def _what_ifs(profile: Profile, paper: _Paper) -> Iterator[Line]:
    if profile.step_seconds is None or not profile.what_if:
        return
    yield (Span("what if", "bold"),)
    for one in profile.what_if:
        figures = _prediction(one, profile.step_seconds.median)
        room = paper.columns - len(_INDENT) - len(figures) - 2
        *above, last = wrap(one.name, paper.columns - 2)
        if cell_len(last) > room:
            above, last = [*above, last], ""
        for text in above:
            yield (Span(_INDENT), Span(text))
        name = shorten(last, room, ascii_only=paper.ascii_only)
        yield (Span(_INDENT), Span(name), Span(f"  {figures}"))


def _prediction(one: WhatIf, now: float) -> str:
    value = one.step_seconds
    gain = f"{value.median / now - 1:+5.0%}" if now else ""
    interval = f"({human_duration(value.low)} to {human_duration(value.high)})"
    return f"{human_duration(value.median):>8} {gain}  {interval:<22}  {one.kind}"


def _gaps(profile: Profile, paper: _Paper) -> Iterator[Line]:
    lines = [*profile.verdict.missing, *profile.notes]
    if lines:
        yield (Span("missing or doubtful", "bold"),)
    for line in lines:
        yield from _listed(line, paper)


def _next(profile: Profile) -> Iterator[Line]:
    """Whole on one line, however long: it is there to be copied."""
    if profile.verdict.next_command:
        yield (Span("next", "bold"), Span(f"  {printable(profile.verdict.next_command)}", "cyan"))

"""What the card says of those who work beside the training thread: loader workers, other ranks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from fastdata.profiling.record import SHARED_STAGES, STAGES, RankFigures, Stage, Workers
from fastdata.profiling.record.labels import STAGE_LABELS
from fastdata.profiling.record.readings import reading_line
from fastdata.profiling.rendering.lines import INDENT, Line, Paper, Span, row, shorten, wrap
from fastdata.wording import human_duration, printable

__all__ = ["rank_lines", "worker_lines"]

_KINDS = {
    "process": ("1 process", "processes"),
    "thread": ("1 thread", "threads"),
    "main": ("in the training process", "training processes"),
}
_CEILING = "samples/s if that were all"
# Columns of a console from which on they have room beside the bars.
_WITH_CEILINGS = 76
_MOST_OPERATIONS = 3
_LEAST_SHARE = 0.05
_MOST_RANKS = 4


def rank_lines(ranks: Sequence[RankFigures]) -> Iterator[Line]:
    """The slowest ranks by what they do themselves, since all take as long as the slowest."""
    if not ranks:
        return
    yield (Span("ranks", "bold"), Span("  step, exposed wait, own work without waiting for others"))
    slowest = sorted(ranks, key=lambda rank: -(rank.own_seconds or 0.0))
    for rank in slowest[:_MOST_RANKS]:
        exposed = "-" if rank.exposed_share is None else f"{rank.exposed_share:.1%}"
        own = "-" if rank.own_seconds is None else human_duration(rank.own_seconds)
        step = human_duration(rank.step_seconds.median)
        yield (Span(f"{INDENT}rank {rank.rank:<5} {step:>9} {exposed:>7} {own:>9}"),)
    if len(ranks) > _MOST_RANKS:
        yield (Span(f"{INDENT}and {len(ranks) - _MOST_RANKS} with less work of their own", "dim"),)


def worker_lines(workers: Workers, paper: Paper, *, told: Sequence[str] = ()) -> Iterator[Line]:
    """How busy the workers are and what with; nothing where none was seen.

    Args:
        workers: Any.
        paper: To write on.
        told: Lines that stand elsewhere on the card.
    """
    if not workers.lanes:
        return
    facts = "; ".join(_worker_facts(workers))
    columns = "times a batch" + (f", and {_CEILING}" if paper.columns >= _WITH_CEILINGS else "")
    for number, text in enumerate(wrap(f"{facts}; {columns}:", paper.columns - 9)):
        yield (Span(" " * 7 if number else "workers", "bold"), Span(f"  {text}"))
    whole = sorted(
        (stage for stage in workers.stages if not stage.operation),
        key=lambda stage: STAGES.index(stage.name),
    )
    for stage in whole:
        yield _stage(STAGE_LABELS[stage.name], stage, "magenta", paper)
        for part in _large(workers.stages, stage):
            yield _stage(f"  {part.operation}", part, "dim", paper)
    reading = reading_line(workers)
    for text in wrap("" if reading is None or reading in told else reading, paper.columns - 2):
        yield (Span(INDENT), Span(text))
    if workers.slowest:
        worst = workers.slowest[0]
        index = "" if worst.index is None else f", index {worst.index}"
        head = f"  slowest sample {human_duration(worst.seconds)}{index}  "
        room = max(paper.columns - len(head), 12)
        name = shorten(printable(worst.name), room, ascii_only=paper.ascii_only, is_path=True)
        yield (Span(head), Span(name.rstrip()))


def _stage(name: str, stage: Stage, style: str, paper: Paper) -> Line:
    ceiling = stage.samples_per_second
    told = "" if ceiling is None or stage.operation else _rate(ceiling)
    return row(
        name,
        stage.seconds_per_batch,
        share=stage.share,
        style=style,
        paper=paper,
        note=f"{told:>12}" if paper.columns >= _WITH_CEILINGS else "",
    )


def _rate(samples_per_second: float) -> str:
    if samples_per_second < 1e7:
        return f"{samples_per_second:,.0f}/s"
    return f"{samples_per_second / 1e6:,.0f} M/s"


def _worker_facts(workers: Workers) -> Iterator[str]:
    lanes = workers.lanes
    one, several = _KINDS[lanes[0].kind]
    yield one if len(lanes) == 1 else f"{len(lanes)} {several}"
    wall = math.fsum(lane.wall_seconds for lane in lanes)
    if wall > 0:
        yield f"{min(1.0, math.fsum(lane.busy_seconds for lane in lanes) / wall):.0%} busy"
    if workers.ready_share is not None:
        yield f"a batch lay ready at {workers.ready_share:.0%} of the fetches"
    threads = max(stage.threads for stage in workers.stages)
    if threads > 1:
        shared = " and ".join(STAGE_LABELS[name] for name in SHARED_STAGES)
        yield f"{shared} by {threads} threads, whose time is divided by {threads}"


def _large(stages: Sequence[Stage], whole: Stage) -> list[Stage]:
    parts = [
        one
        for one in stages
        if one.operation and one.name == whole.name and one.share >= _LEAST_SHARE
    ]
    return sorted(parts, key=lambda one: -one.share)[:_MOST_OPERATIONS]

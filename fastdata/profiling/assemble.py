"""A whole profile, from what a run's processes wrote into its channel."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from fastdata.profiling.channel import Channel
from fastdata.profiling.describe import describe_machine, loader_facts
from fastdata.profiling.record import (
    ROWS,
    LoaderFacts,
    Profile,
    RankFigures,
    StartFigures,
    Timeline,
    WhatIf,
    Workers,
)
from fastdata.profiling.steplane import STEPS
from fastdata.profiling.summary import StepSummary, summarise_steps
from fastdata.profiling.verdict import Findings, judge
from fastdata.profiling.whatif import model_what_ifs
from fastdata.profiling.worksummary import summarise_workers

__all__ = ["Session", "assemble"]


@dataclass
class Session:
    """One profiled run, as its watcher knows it.

    Attributes:
        channel: What the run's processes wrote.
        command: Its words; empty within a process.
        begun: On the wall clock of the steps.
        started_at: In UTC.
        notes: What the watcher itself has to say.
    """

    channel: Channel
    command: tuple[str, ...] = ()
    begun: float = field(default_factory=time.perf_counter)
    started_at: str = field(
        default_factory=lambda: datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    )
    notes: list[str] = field(default_factory=list)


def assemble(session: Session, *, what_if: Sequence[WhatIf] = ()) -> Profile:
    """The profile of a run that has ended, or of what it has done so far."""
    lanes = session.channel.lanes()
    told = [summarise_steps(lane, begun=session.begun) for lane in lanes if lane.kind == STEPS]
    told.sort(key=lambda one: (int(one.facts.get("rank", 0)), -one.steps))
    steps = told[0] if told else None
    loader = _loader(steps)
    workers = _workers(session, steps, loader)
    machine = describe_machine({} if steps is None else steps.facts)
    missing = _missing(steps, session)
    verdict = judge(
        Findings(steps=steps, loader=loader, workers=workers, cores=machine.cores, missing=missing)
    )
    return Profile(
        command=session.command,
        started_at=session.started_at,
        clock="cuda" if steps is not None and steps.on_stream else "cpu",
        steps=0 if steps is None else steps.steps,
        step_seconds=None if steps is None else steps.step_seconds,
        wall_seconds=None if steps is None else steps.wall_seconds,
        exposed_share=None if steps is None else steps.exposed_share,
        exposed_share_low=None if steps is None else steps.exposed_share_low,
        exposed_share_high=None if steps is None else steps.exposed_share_high,
        hidden_share=None if steps is None else steps.hidden_share,
        rows={} if steps is None else steps.rows,
        samples_per_step=None if steps is None else steps.samples_per_step,
        start=_NO_START if steps is None else steps.start,
        loader=loader,
        workers=workers,
        what_if=(*what_if, *model_what_ifs(steps, loader, workers, cores=machine.cores)),
        verdict=verdict,
        machine=machine,
        ranks=_ranks(told),
        timeline=_NO_TIMELINE if steps is None else steps.timeline,
        notes=(*session.notes, *_unseen(loader, workers)),
    )


def _unseen(loader: LoaderFacts | None, workers: Workers) -> list[str]:
    if loader is None:
        return []
    if not workers.lanes:
        return ["nothing inside the workers of the training loader was seen"]
    if loader.engine == "cpu":
        return ["samples are not timed one by one: the engine makes whole batches"]
    return []


_NO_START = StartFigures(
    epochs=0,
    worker_start_seconds=None,
    first_batch_seconds=None,
    warmup_steps=0,
    warmup_seconds=0.0,
    validation_passes=0,
    validation_seconds=0.0,
)
_NO_TIMELINE = Timeline(
    stride=1, start_seconds=(), kinds=(), rows=dict.fromkeys(ROWS, ()), hidden_wait=()
)


def _loader(steps: StepSummary | None) -> LoaderFacts | None:
    told = None if steps is None else steps.facts.get("loader")
    return None if told is None else loader_facts(told)


def _workers(session: Session, steps: StepSummary | None, loader: LoaderFacts | None) -> Workers:
    if steps is None:
        return Workers()
    return summarise_workers(
        session.channel.lanes(),
        loader,
        pid=steps.lane.pid,
        begun=session.begun,
        ready_share=steps.ready_share,
    )


def _missing(steps: StepSummary | None, session: Session) -> list[str]:
    if steps is None:
        return session.notes or ["no optimizer step was seen"]
    waits = steps.rows.get("exposed_data_wait")
    if steps.facts.get("loader") is None and not waits:
        return ["no loader was seen whose batches are trained on"]
    if steps.facts.get("is_background") and not steps.facts.get("sees_handover"):
        return ["a background thread takes the batches, by a way whose waiting was not seen"]
    return []


def _ranks(told: Sequence[StepSummary]) -> tuple[RankFigures, ...]:
    if len(told) < 2:
        return ()
    return tuple(
        RankFigures(
            rank=int(one.facts.get("rank", 0)),
            pid=one.lane.pid,
            steps=one.steps,
            step_seconds=one.step_seconds,
            exposed_share=one.exposed_share,
            own_seconds=sum(one.rows[name] for name in ROWS if name not in _SHARED),
        )
        for one in told
        if one.step_seconds is not None
    )


_SHARED = ("backward", "optimizer")

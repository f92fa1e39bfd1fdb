"""A whole profile, from what a run's processes wrote into its channel."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastdata.profiling.findings.ranks import choose, rank_figures
from fastdata.profiling.findings.summary import StepSummary, summarise_steps
from fastdata.profiling.findings.verdict import Findings, judge
from fastdata.profiling.findings.whatif import model_what_ifs
from fastdata.profiling.findings.worksummary import Before, summarise_workers
from fastdata.profiling.lanes.channel import Channel
from fastdata.profiling.lanes.steplane import STEPS
from fastdata.profiling.lanes.synclane import read_syncs
from fastdata.profiling.record import (
    LoaderFacts,
    MachineFacts,
    Profile,
    SyncSite,
    Workers,
)
from fastdata.profiling.recorders.describe import describe_machine, loader_facts

__all__ = ["NO_GPU_USED", "Session", "assemble"]

NO_GPU_USED = "no GPU was used: what makes the CPU wait for one was not counted"
"""A note."""


@dataclass
class Session:
    """One profiled run, as its watcher knows it.

    Attributes:
        channel: What the run's processes wrote.
        command: Its words; empty within a process.
        begun: On the wall clock of the steps.
        started_at: In UTC.
        notes: What the watcher itself has to say.
        work_before: What workers have done that is left out, by the numbers of their lanes.
    """

    channel: Channel
    command: tuple[str, ...] = ()
    begun: float = field(default_factory=time.perf_counter)
    started_at: str = field(
        default_factory=lambda: datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    )
    notes: list[str] = field(default_factory=list)
    work_before: Mapping[int, Before] = field(default_factory=dict)


def assemble(session: Session) -> Profile:
    """The profile of a run that has ended, or of what it has done so far."""
    lanes = session.channel.lanes()
    told = [summarise_steps(lane, begun=session.begun) for lane in lanes if lane.kind == STEPS]
    steps, note = choose(told)
    loader = loader_facts(steps.facts["loader"]) if "loader" in steps.facts else None
    workers = summarise_workers(
        lanes,
        loader,
        pid=steps.pid,
        begun=session.begun,
        ready_share=steps.ready_share,
        before=session.work_before,
    )
    machine = describe_machine(steps.facts)
    # Ranks of one machine share its cores.
    cores = max(1, machine.cores // int(steps.facts.get("local_world", 1)))
    syncs = read_syncs(lanes, pid=steps.pid)
    findings = Findings(
        steps=steps,
        loader=loader,
        workers=workers,
        cores=cores,
        missing=_missing(steps, session, is_any=bool(told)),
    )
    notes = [
        *session.notes,
        *([note] if note else []),
        *_unseen(loader, workers),
        *_uncounted(syncs, machine),
    ]
    return Profile(
        command=session.command,
        started_at=session.started_at,
        clock="cuda" if steps.on_stream else "cpu",
        **{name: getattr(steps, name) for name in _SAME},
        loader=loader,
        workers=workers,
        syncs=syncs,
        what_if=model_what_ifs(steps, loader, workers, cores=cores),
        verdict=judge(findings),
        machine=machine,
        ranks=rank_figures(told),
        notes=tuple(one for one in notes if one not in findings.missing),
    )


_SAME = (
    "steps",
    "step_seconds",
    "wall_seconds",
    "exposed_share",
    "exposed_share_low",
    "exposed_share_high",
    "hidden_share",
    "rows",
    "samples_per_step",
    "start",
    "timeline",
)


def _missing(steps: StepSummary, session: Session, *, is_any: bool) -> list[str]:
    """What a verdict would need and was not seen."""
    if not is_any:
        return session.notes or ["no optimizer step was seen"]
    waits = steps.rows.get("exposed_data_wait")
    if "loader" not in steps.facts and not waits:
        return ["no loader was seen whose batches are trained on"]
    background = steps.facts.get("background")
    if background is not None and not steps.facts.get("sees_handover"):
        return [
            f"the thread '{background}' takes the batches and hands them over by none of "
            "queue.Queue, queue.SimpleQueue or threading.Condition (Event, Semaphore, Future): how "
            "long the training waits for it was not seen"
        ]
    return []


def _uncounted(syncs: tuple[SyncSite, ...] | None, machine: MachineFacts) -> list[str]:
    if syncs is not None:
        return []
    if machine.device in (None, "cpu"):
        return [NO_GPU_USED]
    return ["where the CPU waited for the GPU is not known: the process did not end by itself"]


def _unseen(loader: LoaderFacts | None, workers: Workers) -> list[str]:
    """What was not seen, and would only have made the picture richer."""
    if loader is None:
        return []
    if not workers.lanes:
        return ["nothing inside the workers of the training loader was seen"]
    reading = workers.reading
    if reading is not None and reading.storage_bytes is None:
        return ["/proc/<pid>/io cannot be read: what came from storage is not known by its bytes"]
    return []

"""The conclusion of a profile: one sentence, its evidence, and what to do next.

The share of exposed wait is judged by the near edge of its interval: what is said is true even if
the measurement was off by as much as it may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastdata.profiling.findings.remedy import find_remedy
from fastdata.profiling.findings.summary import StepSummary
from fastdata.profiling.record import LoaderFacts, StartFigures, Verdict, Workers

__all__ = ["Findings", "judge"]

DATA_BOUND = 0.20
WORTH_A_LOOK = 0.05
# Of a step, waiting for a core. The scheduler's own share of an idle machine stays below 2 %.
CONTENTION = 0.20
# Of a step, by which it is longer when the loader runs beside it.
SLOWED = 0.10
# Of the steps, in which the GPU had nothing left to do before the CPU had launched the optimizer.
LAUNCH_BOUND = 0.90
LEAST_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that a verdict rests on.

    Attributes:
        steps: Of the training thread.
        loader: The training loader.
        workers: What was seen inside it.
        cores: This machine has for the run.
        missing: What was not seen.
    """

    steps: StepSummary
    loader: LoaderFacts | None
    workers: Workers
    cores: int
    missing: Sequence[str] = ()


def judge(found: Findings) -> Verdict:
    """The verdict."""
    steps = found.steps
    missing = list(found.missing)
    if not steps.steps:
        missing = missing or ["no optimizer step was seen"]
    elif steps.steps < LEAST_STEPS:
        missing.append(f"only {steps.steps} steady steps were seen; {LEAST_STEPS} are needed")
    if steps.exposed_share is None or missing:
        return _incomplete(missing)
    evidence = _evidence(steps, steps.start)
    low = steps.exposed_share_low or 0.0
    # A thread that wakes up to a batch and has no core is still fetching it. Where it lacks one for
    # longer than it waits, all of that wait may be of this kind, and no loader can mend it.
    is_starved = (steps.core_wait_share or 0.0) >= CONTENTION
    if low >= DATA_BOUND or (low >= WORTH_A_LOOK and not is_starved):
        remedy = find_remedy(found.loader, found.workers, cores=found.cores)
        lead = f"{steps.exposed_share:.1%} of each step is spent waiting for data"
        return Verdict(
            kind="data-bound" if low >= DATA_BOUND else "worth a look",
            sentence=f"{lead}; {remedy.reason}.",
            next_command=remedy.command,
            evidence=(*evidence, *remedy.evidence),
        )
    return _not_data(steps, evidence)


def _not_data(steps: StepSummary, evidence: tuple[str, ...]) -> Verdict:
    exposed = f"{steps.exposed_share:.1%} of each step is exposed wait"
    if (lost := _lost_beside(steps)) >= SLOWED:
        return Verdict(
            kind="contention",
            sentence=f"The loader takes {lost:.0%} of each step by running beside it; {exposed}.",
            next_command="fastdata convert DATA pack.lmdb",
            evidence=evidence,
        )
    if steps.core_wait_share is not None and steps.core_wait_share >= CONTENTION:
        return Verdict(
            kind="contention",
            sentence=f"The training thread waits for a core in {steps.core_wait_share:.0%} of each "
            f"step, for data only in {steps.exposed_share:.1%}.",
            next_command="fastdata monitor",
            evidence=evidence,
        )
    if steps.on_stream and steps.drained_share >= LAUNCH_BOUND:
        return Verdict(
            kind="launch-bound",
            sentence=f"The GPU waits for the CPU to launch its work; {exposed}.",
            next_command="model = torch.compile(model, mode='reduce-overhead')",
            evidence=(
                *evidence,
                f"in {steps.drained_share:.0%} of the steps the GPU was done with backward before "
                "the optimizer was launched",
            ),
        )
    return Verdict(
        kind="compute-bound",
        sentence=f"Nothing to gain from data: {exposed}.",
        next_command=None,
        evidence=evidence,
    )


def _lost_beside(steps: StepSummary) -> float:
    """Share of a step that a running loader costs it; 0 where the intervals meet."""
    alone, beside = steps.alone, steps.beside
    if alone is None or beside is None or alone.high >= beside.low:
        return 0.0
    return 1 - alone.median / beside.median


def _incomplete(missing: Sequence[str]) -> Verdict:
    return Verdict(
        kind="INCOMPLETE",
        sentence=f"INCOMPLETE: {'; '.join(missing)}.",
        next_command=None,
        missing=tuple(missing),
    )


def _evidence(steps: StepSummary, start: StartFigures) -> tuple[str, ...]:
    assert steps.wall_seconds is not None and steps.exposed_share_low is not None
    wait = steps.rows["exposed_data_wait"]
    lines = [
        f"exposed data wait {wait * 1e3:.1f} ms of {steps.wall_seconds * 1e3:.1f} ms a step "
        f"({steps.exposed_share_low:.1%} to {steps.exposed_share_high:.1%}, {steps.steps} steps)"
    ]
    if steps.hidden_share:
        lines.append(f"hidden wait {steps.hidden_share:.1%} of a step")
    if steps.ready_share is not None:
        lines.append(f"a batch lay ready at {steps.ready_share:.0%} of the fetches")
    if start.first_batch_seconds is not None and start.worker_start_seconds is not None:
        seconds = start.worker_start_seconds + start.first_batch_seconds
        which = "the only epoch" if start.epochs == 1 else f"each of {start.epochs} epochs"
        lines.append(f"{which} began with {seconds:.2f} s for its first batch")
    if steps.core_wait_share is not None:
        lines.append(f"waiting for a core {steps.core_wait_share:.1%} of a step")
    return tuple(lines)

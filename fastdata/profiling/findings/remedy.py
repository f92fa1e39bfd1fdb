"""What to do about a loader that is too slow, by what was seen inside it."""

from __future__ import annotations

from dataclasses import dataclass

from fastdata.profiling.clocks.plan import wanted_workers
from fastdata.profiling.record import LoaderFacts, Stage, Workers
from fastdata.profiling.record.labels import STAGE_LABELS
from fastdata.profiling.record.readings import reading_line

__all__ = ["Remedy", "count_workers", "find_remedy"]

# A stage with less than this share of the workers' time gains too little by itself.
_LARGE = 0.4
_FASTLOADER = "loader = fastdata.FastLoader(dataset, ...)"


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """Why, and what next.

    Attributes:
        reason: The end of the verdict's sentence.
        command: What to type or change.
        evidence: Further lines.
    """

    reason: str
    command: str | None
    evidence: tuple[str, ...] = ()


def find_remedy(loader: LoaderFacts | None, workers: Workers, *, cores: int) -> Remedy:
    """The most promising one.

    Args:
        loader: The training loader; None when it is none that fastdata knows.
        workers: What was seen inside it.
        cores: Of the machine.
    """
    if loader is None:
        return Remedy(
            reason="what loads them is no DataLoader, so nothing inside it was seen",
            command=_FASTLOADER,
        )
    largest = max(_whole(workers), key=lambda stage: stage.total_seconds, default=None)
    reading = reading_line(workers)
    evidence = (
        *(() if largest is None else (_describe(largest),)),
        *(() if reading is None else (reading,)),
    )
    if loader.engine is None and loader.dataset == "TensorDataset":
        return Remedy(
            reason="a TensorDataset is indexed sample by sample, where whole batches can be "
            "gathered",
            command=_FASTLOADER,
            evidence=evidence,
        )
    if loader.gathers and largest is not None:
        took = f"{sum(s.seconds_per_batch for s in _whole(workers)) * 1e3:.2f} ms each"
        return Remedy(
            reason=f"whole batches are already gathered in one go, {took}",
            command=None,
            evidence=evidence,
        )
    wanted = wanted_workers(loader, cores=cores)
    if wanted > loader.workers:
        has = count_workers(loader, loader.workers)
        few = f"{has} cannot make batches as fast as they are used"
        return Remedy(
            reason=few if loader.workers else "the training thread makes its batches itself",
            command=f"num_workers: {loader.workers} -> {wanted}",
            evidence=(*evidence, f"{has}, {cores} cores"),
        )
    if largest is None:
        return Remedy(
            reason="nothing inside the workers was seen",
            command="fastdata convert DATA pack.lmdb",
        )
    return Remedy(reason=_reason(largest), command=_command(largest), evidence=evidence)


def count_workers(loader: LoaderFacts, count: int) -> str:
    """So many of them, in words."""
    word = "worker" if loader.engine in (None, "torch") else "thread"
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _whole(workers: Workers) -> list[Stage]:
    return [stage for stage in workers.stages if not stage.operation]


def _describe(stage: Stage) -> str:
    return (
        f"{STAGE_LABELS[stage.name]} {stage.seconds_per_batch * 1e3:.1f} ms a batch, "
        f"{stage.share:.0%} of the workers' time"
    )


def _reason(stage: Stage) -> str:
    return f"{STAGE_LABELS[stage.name]} is {stage.share:.0%} of the workers' time"


def _command(stage: Stage) -> str:
    if stage.name == "decode" and stage.share >= _LARGE:
        return "fastdata convert DATA pack.lmdb --resize shortest:256"
    if stage.name == "transform" and stage.share >= _LARGE:
        return "loader = fastdata.FastLoader('pack.lmdb', transforms=[...])"
    return "fastdata convert DATA pack.lmdb"

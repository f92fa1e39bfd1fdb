"""A loader by itself: how fast it is when nothing else runs, and what bounds it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from fastdata.profiling.assemble import NO_GPU_USED
from fastdata.profiling.profiler import Profiler
from fastdata.profiling.record import Estimate, LoaderFacts, Profile, Stage, Verdict, WhatIf
from fastdata.profiling.record.labels import STAGE_LABELS
from fastdata.profiling.record.readings import reading_line
from fastdata.profiling.recorders.describe import describe_loader

__all__ = ["profile_loader"]

# What takes less of a batch is no ceiling that a loader will ever meet.
_LEAST_SHARE = 0.05
_PROCESSES = ("worker process", "worker processes")


def profile_loader(loader: Iterable[Any], *, batches: int, warmup: int) -> Profile:
    """Takes batches as fast as they come; each is a step of the profile.

    Args:
        loader: Gone through as often as it takes.
        batches: To measure.
        warmup: First ones that count for themselves.
    """
    taken = 0
    with Profiler(warmup=warmup, loader_only=True) as profiler:
        for _ in itertools.islice(_again_and_again(profiler.watch(loader)), warmup + batches):
            profiler.step()
            taken += 1
    profile = profiler.report()
    if not profile.steps:
        return dataclasses.replace(profile, verdict=_unmeasured(loader, taken), notes=())
    return _judged(profile)


def _again_and_again(loader: Iterable[Any]) -> Iterator[Any]:
    while True:
        is_empty = True
        for batch in loader:
            is_empty = False
            yield batch
        if is_empty:
            return


def _unmeasured(loader: Iterable[Any], taken: int) -> Verdict:
    if taken:
        reason = (
            f"the loader ended after {taken} batches, all of them warm-up; measure with --warmup "
            "0, or give one that can be gone through again"
        )
    else:
        told = describe_loader(loader)
        samples, size = told["samples"], told["batch_size"]
        reason = "the loader gives no batch"
        if samples is not None:
            reason += f": its dataset has {samples} samples, a batch {size}"
            reason += "; take a smaller batch" if samples else "; give one with samples in it"
    return Verdict(
        kind="INCOMPLETE",
        sentence=f"INCOMPLETE: {reason}.",
        next_command=None,
        missing=(reason,),
    )


def _judged(profile: Profile) -> Profile:
    """With ceilings and a verdict of a loader alone; waiting is all that its loop does."""
    assert profile.wall_seconds is not None and profile.step_seconds is not None
    stages = [stage for stage in profile.workers.stages if not stage.operation]
    size = profile.samples_per_step or 0.0
    # By the mean: where epochs are short, every other batch may begin one.
    sentence = f"Alone, the loader gives {size / profile.wall_seconds:,.0f} samples/s"
    if stages:
        largest = max(stages, key=lambda stage: stage.seconds_per_batch)
        sentence += f"; {STAGE_LABELS[largest.name]} is {largest.share:.0%} of the work"
    lanes = max(1, len(profile.workers.lanes))
    reading = reading_line(profile.workers)
    on_gpu = profile.machine.device not in (None, "cpu")
    return dataclasses.replace(
        profile,
        what_if=tuple(
            _ceiling(stage, lanes, profile.step_seconds)
            for stage in stages
            if stage.share >= _LEAST_SHARE
        ),
        verdict=Verdict(
            kind="loader alone",
            sentence=f"{sentence}.",
            next_command="fastdata profile -- python train.py",
            evidence=(
                *([] if profile.loader is None else [_made_by(profile.loader)]),
                *_ceilings(stages),
                *([] if reading is None else [reading]),
            ),
        ),
        # That no GPU was waited for is news of a training, not of a loader.
        notes=tuple(note for note in profile.notes if on_gpu or note != NO_GPU_USED),
    )


def _made_by(loader: LoaderFacts) -> str:
    name = loader.kind if loader.engine is None else f"{loader.kind}, engine {loader.engine}"
    size = "" if loader.batch_size is None else f" of {loader.batch_size}"
    kinds = ("thread", "threads") if loader.engine in ("cpu", "dali") else _PROCESSES
    by = f"by {loader.workers} {kinds[loader.workers != 1]}" if loader.workers else "by its caller"
    where = "" if loader.device in (None, "cpu") else f", to {loader.device}"
    return f"{name}: batches{size} made {by}{where}"


def _ceiling(stage: Stage, lanes: int, step: Estimate) -> WhatIf:
    """The loader with one stage only; as uncertain as the step is."""
    seconds = stage.seconds_per_batch / lanes
    scale = seconds / step.median if step.median else 0.0
    name = STAGE_LABELS[stage.name]
    return WhatIf(
        name=f"{name} alone",
        kind="modelled",
        step_seconds=Estimate(median=seconds, low=step.low * scale, high=step.high * scale),
        now_seconds=step.median,
        how=f"the time of a batch that is {name}, on as many workers and threads as now",
    )


def _ceilings(stages: list[Stage]) -> Iterator[str]:
    told = [
        f"{STAGE_LABELS[stage.name]} {stage.samples_per_second:,.0f}"
        for stage in sorted(stages, key=lambda stage: -stage.share)
        if stage.samples_per_second is not None and stage.share >= _LEAST_SHARE
    ]
    if told:
        yield f"samples/s with one stage only: {', '.join(told)}"

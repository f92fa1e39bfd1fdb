"""How long a step would take if one thing were different: as tried in the run, or by a model.

The intervals reach from the least that `Pipeline` allows to what steps cost that hinder the loader
and are hindered by it. More workers than cores can make a step longer than it is: then the far end
lies above what was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastdata.profiling.clocks.plan import MORE_WORKERS, WARM_CACHE, wanted_workers
from fastdata.profiling.findings.pipeline import Pipeline
from fastdata.profiling.findings.remedy import count_workers
from fastdata.profiling.findings.summary import SKEWED, StepSummary
from fastdata.profiling.record import (
    SHARED_STAGES,
    Estimate,
    LoaderFacts,
    Reading,
    WhatIf,
    Workers,
)

__all__ = ["BESIDE", "READY", "model_what_ifs"]

READY = "with the whole batch already there"
BESIDE = f"{READY}, beside a running loader"
_WARM = "with a warm cache"

# Of what is predicted to be gained, so much may be lost to batches that come in bursts.
_LOST = 0.1
# Of what was read, what must have come from storage for a warm cache to change something.
_FROM_STORAGE = 0.01


def model_what_ifs(
    steps: StepSummary, loader: LoaderFacts | None, workers: Workers, *, cores: int
) -> tuple[WhatIf, ...]:
    """What the figures say of changes, tried or not.

    Args:
        steps: Of the training thread.
        loader: The training loader.
        workers: What was seen inside it.
        cores: Of the machine.
    """
    if not steps.wall_seconds:
        return ()
    found = list(_replayed(steps))
    if loader is not None:
        pipeline = Pipeline.of(steps, workers, _makers(loader, loader.workers), cores=cores)
        model = _Model.of(steps, pipeline)
        more = wanted_workers(loader, cores=cores)
        found += _tried(model, steps, loader, more)
        found += _changes(model, loader, workers, more, cores=cores, facts=steps.facts)
    measured = {one.name for one in found if one.kind == "measured"}
    return tuple(one for one in found if one.kind == "measured" or one.name not in measured)


@dataclass(frozen=True, kw_only=True)
class _Model:
    """What predictions are set beside; seconds.

    Attributes:
        wall: Mean of a step.
        usual: What gains are taken from: the median that a profile shows as its step, unless steps
            come in bursts, as with several workers that are late together.
        spread: Width of the step's interval, as a share.
        computing: Of a step, without its exposed wait.
        pipeline: What it takes when nobody lacks a core.
    """

    wall: float
    usual: float
    spread: float
    computing: float
    pipeline: Pipeline

    @classmethod
    def of(cls, steps: StepSummary, pipeline: Pipeline) -> _Model:
        """The model of these figures."""
        wall, median = steps.wall_seconds or 0.0, steps.step_seconds
        return cls(
            wall=wall,
            usual=median.median if median and _is_near(median.median, wall) else wall,
            spread=(median.high - median.low) / median.median if median else 0.0,
            computing=wall - steps.rows["exposed_data_wait"],
            pipeline=pipeline,
        )

    def without_wait(self) -> WhatIf:
        """A batch that is there leaves at most what is not exposed wait, and frees cores."""
        gain = max(0.0, self.wall - self.computing)
        least = min(self.computing, self.pipeline.computing)
        return self._predict(
            READY,
            (least, self.computing, self.computing + _LOST * gain),
            "a step without its exposed wait",
        )

    def beside(self, name: str, pipeline: Pipeline, workers: int, how: str) -> WhatIf:
        """So many workers of another pipeline."""
        step = min(self.wall, pipeline.step(workers))
        low = min(step, pipeline.least(workers))
        high = max(step + _LOST * (self.wall - step), pipeline.most(workers))
        return self._predict(name, (low, step, high), how)

    def _predict(self, name: str, seconds: tuple[float, float, float], how: str) -> WhatIf:
        """Low, middle and high as means; what is shown moves from `usual` by the same."""
        low, middle, high = (max(self.usual - self.wall + value, 0.0) for value in seconds)
        return WhatIf(
            name=name,
            kind="modelled",
            step_seconds=Estimate(
                median=middle,
                low=max(0.0, low * (1 - self.spread / 2)),
                high=high * (1 + self.spread / 2),
            ),
            now_seconds=self.usual,
            how=how,
        )


def _is_near(median: float, mean: float) -> bool:
    return abs(median - mean) <= SKEWED * mean


def _measured(
    *tries: tuple[Estimate | None, str, str], now: float | None = None
) -> Iterator[WhatIf]:
    """What was tried: its steps, its name, and how; beside `now`, or beside itself."""
    for estimate, name, how in tries:
        if estimate is not None:
            yield WhatIf(
                name=name,
                kind="measured",
                step_seconds=estimate,
                now_seconds=estimate.median if now is None else now,
                how=how,
            )


def _replayed(steps: StepSummary) -> Iterator[WhatIf]:
    return _measured(
        (steps.alone, READY, "one batch given again and again while the loader rested"),
        (steps.beside, BESIDE, "likewise while the loader ran"),
        now=None if steps.step_seconds is None else steps.step_seconds.median,
    )


def _tried(model: _Model, steps: StepSummary, loader: LoaderFacts, more: int) -> Iterator[WhatIf]:
    is_more = steps.facts.get("tried_workers") == more > loader.workers
    made_by = "threads" if _has_threads(loader) else "workers"
    return _measured(
        (
            steps.more if is_more else None,
            _more(loader, more),
            f"batches made by so many {made_by}",
        ),
        (steps.warm, _WARM, "samples just read were read again"),
        now=model.usual,
    )


def _has_threads(loader: LoaderFacts) -> bool:
    return loader.engine not in (None, "torch")


def _makers(loader: LoaderFacts, workers: int) -> int:
    """How many batches are made at once beside the steps; threads share one."""
    if loader.gathers:
        return 0
    return min(workers, 1) if _has_threads(loader) else workers


def _more(loader: LoaderFacts, more: int) -> str:
    return f"with {count_workers(loader, more)} instead of {loader.workers}"


def _why_not(facts: Mapping[str, Any], phase: int) -> str:
    """Why it was not measured, for a run in which it was to be."""
    if not facts.get("tries"):
        return ""
    why = facts.get(f"untried_{phase}", "too few steps were left for it")
    return f"; not measured: {why}"


def _is_cached(reading: Reading | None) -> bool:
    """Whether both accounts say that what was read lay in the page cache."""
    if reading is None or reading.cached_share is None or reading.storage_share is None:
        return False
    return reading.cached_share > 1 - _FROM_STORAGE and reading.storage_share < _FROM_STORAGE


def _changes(
    model: _Model,
    loader: LoaderFacts,
    workers: Workers,
    more: int,
    *,
    cores: int,
    facts: Mapping[str, Any],
) -> Iterator[WhatIf]:
    yield model.without_wait()
    pipeline = model.pipeline
    if not pipeline.making:
        return
    whole = [stage for stage in workers.stages if not stage.operation]
    seconds = {stage.name: stage.seconds_per_batch for stage in whole}
    if more > loader.workers:
        how = f"the CPU time of a step and of its batches, on {cores} cores shared evenly"
        shared = sum(seconds.get(name, 0.0) for name in SHARED_STAGES) / sum(seconds.values())
        yield model.beside(
            _more(loader, more),
            pipeline.sharing(shared, threads=max(1, loader.workers), more=more)
            if _has_threads(loader)
            else pipeline,
            _makers(loader, more),
            how + _why_not(facts, MORE_WORKERS),
        )
    if seconds.get("read") and not _is_cached(workers.reading):
        yield model.beside(
            _WARM,
            pipeline.reading_less(seconds["read"] / sum(seconds.values())),
            _makers(loader, loader.workers),
            "the workers' time without reading" + _why_not(facts, WARM_CACHE),
        )

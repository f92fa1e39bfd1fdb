"""How long a step would take if one thing were different, from the figures of a run.

The model is that of a pipeline: W workers that take L a batch beside steps that compute G give
steps of max(G, L / W). It leaves out what both take from each other, which its interval allows for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastdata.profiling.record import Estimate, LoaderFacts, WhatIf, Workers
from fastdata.profiling.remedy import count_workers, wanted_workers
from fastdata.profiling.summary import StepSummary

__all__ = ["model_what_ifs"]

# A median further from the mean than this says little of what a step takes.
_SKEWED = 0.1
READY = "with the whole batch already there"

# Workers and steps share caches, memory and cores: of a predicted gain, so much may be lost.
_LOST = 0.5


def model_what_ifs(
    steps: StepSummary, loader: LoaderFacts | None, workers: Workers, *, cores: int
) -> tuple[WhatIf, ...]:
    """What the figures say of changes that were not tried.

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
        model = _Model.of(steps, workers, loader.workers)
        found += _changes(model, loader, workers, cores=cores)
    measured = {one.name for one in found if one.kind == "measured"}
    return tuple(one for one in found if one.kind == "measured" or one.name not in measured)


@dataclass(frozen=True, kw_only=True)
class _Model:
    """A run as a pipeline; seconds.

    Attributes:
        wall: Mean of a step.
        usual: What gains are taken from: the median that a profile shows as its step, unless steps
            come in bursts, as with several workers that are late together.
        spread: Width of the step's interval, as a share.
        computing: Of a step, without its exposed wait.
        making: Of a worker, for the batches of a step.
        workers: How many there are.
    """

    wall: float
    usual: float
    spread: float
    computing: float
    making: float
    workers: int

    @classmethod
    def of(cls, steps: StepSummary, workers: Workers, count: int) -> _Model:
        """The pipeline of these figures."""
        wall, median = steps.wall_seconds or 0.0, steps.step_seconds
        fetches = max(1.0, steps.fetches_per_step)
        per_batch = sum(stage.seconds_per_batch for stage in workers.stages if not stage.operation)
        return cls(
            wall=wall,
            usual=median.median if median and _is_near(median.median, wall) else wall,
            spread=(median.high - median.low) / median.median if median else 0.0,
            computing=wall - steps.rows["exposed_data_wait"],
            making=per_batch * fetches,
            workers=count,
        )

    def step(self, making: float, workers: int) -> float:
        """The time of a step with other workers; without any, both follow one another."""
        if not workers:
            return self.computing + making
        return max(self.computing, making / workers)

    def predict(self, name: str, seconds: float, how: str) -> WhatIf:
        """The prediction, which is never worse than what was measured."""
        gain = max(0.0, self.wall - seconds)
        seconds = self.usual - gain
        return WhatIf(
            name=name,
            kind="modelled",
            step_seconds=Estimate(
                median=seconds,
                low=seconds * (1 - self.spread / 2),
                high=(seconds + _LOST * gain) * (1 + self.spread / 2),
            ),
            now_seconds=self.usual,
            how=how,
        )


def _is_near(median: float, mean: float) -> bool:
    return abs(median - mean) <= _SKEWED * mean


def _replayed(steps: StepSummary) -> Iterator[WhatIf]:
    for estimate, name, how in (
        (steps.alone, READY, "one batch given again and again while the loader rested"),
        (steps.beside, f"{READY}, beside a running loader", "likewise while the loader ran"),
    ):
        if estimate is not None:
            now = steps.step_seconds or estimate
            yield WhatIf(
                name=name,
                kind="measured",
                step_seconds=estimate,
                now_seconds=now.median,
                how=how,
            )


def _changes(
    model: _Model, loader: LoaderFacts, workers: Workers, *, cores: int
) -> Iterator[WhatIf]:
    yield model.predict(READY, model.computing, "a step without its exposed wait")
    if not model.making:
        return
    more = wanted_workers(loader, cores=cores)
    if more > loader.workers:
        yield model.predict(
            f"with {count_workers(more)} instead of {loader.workers}",
            model.step(model.making, more),
            "the workers' time a batch divided among more of them, each on a core of its own",
        )
    reading = sum(
        stage.seconds_per_batch
        for stage in workers.stages
        if stage.name == "read" and not stage.operation
    )
    if reading:
        share = reading / sum(s.seconds_per_batch for s in workers.stages if not s.operation)
        yield model.predict(
            "with a warm cache",
            model.step(model.making * (1 - share), loader.workers),
            "the workers' time without reading",
        )

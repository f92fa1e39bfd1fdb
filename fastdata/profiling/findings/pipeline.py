"""A run as a pipeline: workers that make batches beside steps that compute, on shared cores.

Where cores are plenty, W workers that take L a batch beside steps that compute G give steps of
max(G, L / W). Otherwise nobody gets more than a share: all that is ready to run shares the cores
evenly, as the kernel does it, so that both are slower for as long as both go on. The CPU time of a
step and of its batches, divided by the cores, is then the least that a step can take.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fastdata.profiling.findings.summary import StepSummary
from fastdata.profiling.record import Workers

__all__ = ["Pipeline"]

# The demo's batches took 5 to 20 % more CPU time while both cores were busy: caches are shared.
_CACHES = 1.2
# Where there are more threads than cores, those that share one piece of work wait for the one that
# has none: the demo's steps took up to twice what an even share gives.
_CONVOY = 2.0
# CPU time that threads burn while they wait for one another is work that need not be done.
_BURNT = 0.1
# Of the cores; what the machine does besides is not a thread too many.
_ALL = 0.95
_LEAST = 1e-9


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """What one step needs when nobody else needs a core; seconds.

    Attributes:
        computing: Of a step, without its wait for data.
        computing_cores: That it keeps busy meanwhile.
        making: Of one worker, for the batches of a step.
        making_cores: That a worker keeps busy meanwhile; below 1 where it waits, as for storage.
        cores: Of the machine.
    """

    computing: float
    computing_cores: float
    making: float
    making_cores: float
    cores: int

    @classmethod
    def of(cls, steps: StepSummary, workers: Workers, count: int, *, cores: int) -> Pipeline:
        """That of a run with `count` workers: its times, without those in which a core was lacking.

        Where CPU times are not known, nobody is taken to lack a core. Threads of FastLoader's
        engine count as one worker, which works all the time that its stages take.
        """
        wall = steps.wall_seconds or 0.0
        fetches = max(1.0, steps.fetches_per_step)
        computing = wall - steps.rows["exposed_data_wait"]
        stages = (stage for stage in workers.stages if not stage.operation)
        making = fetches * sum(stage.seconds_per_batch for stage in stages)
        threads_cpu = _cpu_of_threads(workers)
        process_cpu = steps.process_cpu_seconds
        batch_cpu = workers.cpu_seconds_per_batch if threads_cpu is None else threads_cpu
        if process_cpu is None or batch_cpu is None:
            return cls(
                computing=computing, computing_cores=0.0, making=making, making_cores=0.0,
                cores=cores,
            )  # fmt: skip
        making_cpu = fetches * batch_cpu
        lacked_making = fetches * (workers.core_wait_seconds_per_batch or 0.0)
        lacked = wall * (steps.core_wait_share or 0.0)
        if not count or threads_cpu is not None:
            process_cpu -= making_cpu
        if not count:  # the training thread makes the batches, and is seen doing both
            lacked -= lacked_making
        computing_cpu = max(process_cpu, 0.0)
        computing = max(computing - max(lacked, 0.0), computing_cpu / cores, _LEAST)
        making = max(making - lacked_making, making_cpu / cores, _LEAST)
        return cls(
            computing=computing,
            computing_cores=computing_cpu / computing,
            making=making,
            making_cores=making_cpu / making,
            cores=cores,
        )

    def step(self, workers: int) -> float:
        """Seconds of a step when cores are shared evenly; without workers, one after the other."""
        if not workers:
            return self.computing + self.making
        share = self._share(workers)
        if self.making <= workers * self.computing:
            beside = self.making / workers
            return beside / share + self.computing - beside
        left = self.making - workers * self.computing
        alone = min(1.0, self.cores / max(workers * self.making_cores, _LEAST))
        return self.computing / share + left / (workers * alone)

    def least(self, workers: int) -> float:
        """Seconds of a step at the least: the slower of both, and all the CPU time it takes."""
        if not workers:
            return self.computing + self.making
        cpu = self.computing * self.computing_cores + self.making * self.making_cores
        slower = max(self.computing, self.making / workers, cpu / self.cores)
        return slower * (1 - _BURNT if self._is_crowded(workers) else 1.0)

    def most(self, workers: int) -> float:
        """Seconds of a step at the most: caches are shared, and threads wait for one another."""
        convoy = _CONVOY if self._is_crowded(workers) else 1.0
        dearer = 1 + (_CACHES - 1) * min(1.0, self.making_cores)
        return replace(
            self, computing=self.computing * convoy, making=self.making * dearer
        ).step(workers)  # fmt: skip

    def sharing(self, share: float, *, threads: int, more: int) -> Pipeline:
        """The same with more threads, among which so much of a worker's time is shared out."""
        making = self.making * (1 - share + share * threads / more)
        cpu = self.making * self.making_cores
        return replace(self, making=making, making_cores=cpu / max(making, _LEAST))

    def _is_crowded(self, workers: int) -> bool:
        return workers > 0 and self._share(workers) < _ALL

    def _share(self, workers: int) -> float:
        """What each gets of what it could use while all of them run."""
        wanted = self.computing_cores + workers * self.making_cores
        return min(1.0, self.cores / max(wanted, _LEAST))

    def reading_less(self, share: float) -> Pipeline:
        """The same where so much of a worker's time, in which it had waited, is saved."""
        making = self.making * (1 - share)
        cpu = min(self.making * self.making_cores, making)
        return replace(self, making=making, making_cores=cpu / max(making, _LEAST))


def _cpu_of_threads(workers: Workers) -> float | None:
    """CPU seconds of a batch that threads of the training process make; None where none do."""
    if not workers.lanes or any(lane.kind != "thread" for lane in workers.lanes):
        return None
    whole = [stage for stage in workers.stages if not stage.operation]
    return sum(stage.seconds_per_batch * stage.threads for stage in whole)

"""What is counted while a training thread goes through a loader, and through a step."""

from __future__ import annotations

from typing import Any

from fastdata.profiling.clocks.plan import NORMAL

__all__ = ["Pass", "StepNotes"]


class StepNotes:
    """What is counted beside the times of a step.

    Attributes:
        fetches: Batches taken.
        ready: Of these, how many lay ready; None where nobody can tell.
        samples: In these; None where batches do not tell.
        phase: What the step was for; see `fastdata.profiling.clocks.plan`.
        core_wait: Seconds that the thread was ready to run and had no core, in this step and those
            before it for which nobody asked; None where the system does not say.
        process_cpu: CPU seconds of all threads of the process.
        is_drained: Whether the GPU had done all of `backward` when the optimizer's step had been
            launched: it waits for the CPU. False on a CPU.
    """

    def __init__(self) -> None:
        self.phase = NORMAL
        self.core_wait: float | None = 0.0
        self.process_cpu = 0.0
        self.is_drained = False
        self.fetches = 0
        self.ready: int | None = 0
        self.samples: int | None = 0

    def add(self, samples: int | None, *, is_ready: bool | None) -> None:
        """Takes in one fetch."""
        self.fetches += 1
        if self.samples is not None:
            self.samples = None if samples is None else self.samples + samples
        if self.ready is not None:
            self.ready = None if is_ready is None else self.ready + is_ready

    def join(self, other: StepNotes) -> None:
        """Takes in the fetches of another."""
        self.fetches += other.fetches
        self.samples = _sum(self.samples, other.samples)
        self.ready = _sum(self.ready, other.ready)


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


class Pass:
    """One pass over one loader.

    Attributes:
        loader: What is gone through, or a description of it.
        is_training: None while on trial.
        without_grad: Whether a model was seen to run on its batches without gradients.
        batches: Handed out so far.
        begun_at: Position of its first turn, while on trial.
        notes: Of its fetches, while on trial.
        again: Makes further iterators of the loader; None where nothing is to be tried.
    """

    def __init__(self, loader: Any, begun_at: int) -> None:
        self.loader = loader
        self.is_training: bool | None = None
        self.without_grad = False
        self.batches = 0
        self.begun_at = begun_at
        self.notes = StepNotes()
        self.again: Any = None

"""What a case is asked to do, and what it tells: plain records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Job", "Judged", "Outcome"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """How much a case trains on, and where.

    Attributes:
        samples: Samples to make, or the most to take of real data; held-out ones are among them.
        epochs: Passes over the samples that are not held out.
        work: Folder of the files, the packs, and whatever else is made.
        data: Folder of real data, or None to make some.
    """

    samples: int
    epochs: int
    work: Path
    data: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How well a network does on the held-out samples.

    Attributes:
        metric: Name of what was measured.
        value: Of the trained network.
        trivial: Of a predictor that does not learn; the workload's `data` says which.
        is_lower_better: Whether the metric is an error.
    """

    metric: str
    value: float
    trivial: float
    is_lower_better: bool = False

    def faults(self) -> list[str]:
        """Why it has learned nothing; empty when it has."""
        if self.value < self.trivial if self.is_lower_better else self.value > self.trivial:
            return []
        return [
            f"its {self.metric} on held-out samples is {self.value:.4g}, and "
            f"{self.trivial:.4g} without learning"
        ]


@dataclass(frozen=True, kw_only=True)
class Outcome(Judged):
    """What a training run took and reached.

    Times are those of the training loop: evaluation, checkpoints and making the loader are left
    out. A wait is the time in ``next()`` of the loop's iterator. The first batch of an epoch, which
    also starts workers and fills queues, is kept apart.

    Attributes:
        batch_size: Samples a step.
        epochs: As asked.
        steps: Updates of the weights.
        samples: Samples that were trained on, those of each epoch counted.
        seconds: Wall time of the loop.
        data_seconds: Waits for batches, without the first of each epoch. With a GPU, in the case
            that does not wait for it at each step, only waits that its work did not cover.
        first_batch_seconds: Waits for the first batches of all epochs.
        loss_first: Mean loss of the first epoch's first tenth, or of the first log interval.
        loss_last: Mean loss at the end of the run, likewise.
        others: What else the network was to learn, apart from its own `metric`.
        settings: What else tells the cases apart, in words.
    """

    batch_size: int
    epochs: int
    steps: int
    samples: int
    seconds: float
    data_seconds: float
    first_batch_seconds: float
    loss_first: float
    loss_last: float
    others: tuple[Judged, ...] = ()
    settings: str = ""

    @property
    def samples_per_second(self) -> float:
        """Samples trained on in a second of the loop."""
        return self.samples / self.seconds

    @property
    def wait_seconds(self) -> float:
        """Mean wait a step, without the first batches."""
        return self.data_seconds / max(1, self.steps - self.epochs)

    @property
    def wait_seconds_with_first(self) -> float:
        """Mean wait a step, with the first batches."""
        return (self.data_seconds + self.first_batch_seconds) / self.steps

    @property
    def wait_share(self) -> float:
        """Share of the loop that waits, first batches included, 0..1."""
        return (self.data_seconds + self.first_batch_seconds) / self.seconds

    def faults(self) -> list[str]:
        """Why the network has not learned; empty when it has."""
        found = []
        if not self.loss_last < self.loss_first:
            found.append(f"its loss went from {self.loss_first:.4g} to {self.loss_last:.4g}")
        found += super().faults()
        return found + [fault for other in self.others for fault in other.faults()]

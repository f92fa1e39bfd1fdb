"""What the demo measures, without the libraries that it measures with."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """One training run, the first step apart.

    Attributes:
        name: What loaded the data.
        steps: Timed steps.
        batch_size: Samples a step.
        first_seconds: Start of the loader, its first batch and the first step.
        data_seconds: Mean wait for a batch.
        compute_seconds: Mean forward, backward and update.
        loss_first: Mean loss of the first steps.
        loss_last: Mean loss of the last steps.
    """

    name: str
    steps: int
    batch_size: int
    first_seconds: float
    data_seconds: float
    compute_seconds: float
    loss_first: float
    loss_last: float

    @property
    def step_seconds(self) -> float:
        """Mean time of a step."""
        return self.data_seconds + self.compute_seconds

    @property
    def data_share(self) -> float:
        """Share of a step that waits for data, 0..1."""
        return self.data_seconds / self.step_seconds

    @property
    def images_per_second(self) -> float:
        """Samples trained on in a second."""
        return self.batch_size / self.step_seconds

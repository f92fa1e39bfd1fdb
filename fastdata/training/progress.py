"""Where a run stands, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Progress"]


@dataclass
class Progress:
    """Moved on by the loop, saved in checkpoints.

    Attributes:
        epoch: Epochs done.
        batch: Batches of the next one that this rank has had.
        step: Steps done, skipped ones included.
        ends_epoch: Whether all ranks know that no batch of the epoch follows the last step.
        is_recut: Whether other ranks than now began the epoch, so that its batches are not counted.
        evaluated_at: The step of the last evaluation.
        metrics: Its results.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    ends_epoch: bool = False
    is_recut: bool = False
    evaluated_at: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)

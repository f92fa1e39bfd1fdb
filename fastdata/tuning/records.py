"""What a search for the batch size found, trial by trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["BatchSizeResult", "Trial", "Verdict"]

Verdict = Literal["fits", "over target", "allocator retried", "out of memory"]
"""How a trial ended. An allocator that retries has emptied its cache to go on: each such step waits
for the device, so that is memory pressure although nothing was raised."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Real steps at one batch size.

    Attributes:
        batch_size: Samples a step.
        verdict: Whether it fits the target.
        seconds: Of one step, forward, backward and update; 0 when none was finished.
        peak_bytes: Most memory held at any moment: reserved by the allocator on a GPU, resident in
            the process on a CPU; 0 when unknown.
    """

    batch_size: int
    verdict: Verdict
    seconds: float = 0.0
    peak_bytes: int = 0

    @property
    def fits(self) -> bool:
        """Whether training at this size stays below the target."""
        return self.verdict == "fits"

    @property
    def samples_per_second(self) -> float:
        """Samples trained on in a second, 0 when no step was finished."""
        return self.batch_size / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, kw_only=True)
class BatchSizeResult:
    """The batch size to train with, and why.

    Attributes:
        batch_size: Samples that one process puts through the model at once.
        accumulate: Batches whose gradients make one step; 1 unless a global batch was asked for.
        global_batch: ``batch_size * accumulate * ranks``.
        reason: Why this size and no other.
        trials: All that was measured, in the order it was done.
        target_bytes: What `Trial.peak_bytes` had to stay below.
        device: Where it was measured, such as "NVIDIA A100-SXM4-40GB" or "CPU, 8 threads".
        precision: "bf16", "fp16" or "fp32".
        is_cached: Whether the trials are of an earlier run.
    """

    batch_size: int
    accumulate: int
    global_batch: int
    reason: str
    trials: tuple[Trial, ...]
    target_bytes: int
    device: str
    precision: str
    is_cached: bool = False

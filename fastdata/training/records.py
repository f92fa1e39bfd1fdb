"""What a Trainer says while it trains: plain records; whoever shows them chooses how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = [
    "CheckpointRecord",
    "EpochRecord",
    "EvalRecord",
    "FitResult",
    "LogLine",
    "Record",
    "Report",
    "StartRecord",
]


@dataclass(frozen=True, kw_only=True)
class StartRecord:
    """What the run trains with; the first record.

    Attributes:
        device: As `str(torch.device)`.
        precision: "bf16", "fp16" or "fp32".
        world: Processes that train together.
        accumulate: Batches a step.
        total_steps: Steps of the whole run, or None when the loader has no length.
        parameters: Trained numbers.
        resumed_from: Checkpoint that the run goes on from, or None.
        step: Steps done before.
        settings: What was chosen, and why: one line each.
    """

    device: str
    precision: str
    world: int
    accumulate: int
    total_steps: int | None
    parameters: int
    resumed_from: Path | None
    step: int
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """Means over the steps since the last log line, of all ranks for loss and samples.

    The times are of this rank, without the first batch of an epoch, which also starts workers:
    ``step_seconds = data_seconds + compute_seconds``.

    Attributes:
        epoch: From 0.
        step: Steps done.
        loss: Mean over samples.
        lr: Learning rate of the step that comes next, of the first parameter group.
        samples: Samples in these steps.
        samples_per_second: Of all ranks, with everything that the loop does between.
        step_seconds: Wall time a step.
        data_seconds: Exposed wait a step: the device had nothing to do for want of a batch.
        hidden_seconds: Wait a step that earlier work of the device covered; 0 on a CPU.
        compute_seconds: The rest of a step.
        data_share: ``data_seconds / step_seconds``, in [0, 1].
        skipped_steps: Steps of the run that the gradient scaler, or ``on_nan="skip"``, left out.
        memory_bytes: Peak of the GPU's allocator, or resident memory of the process on a CPU.
    """

    epoch: int
    step: int
    loss: float
    lr: float
    samples: int
    samples_per_second: float
    step_seconds: float
    data_seconds: float
    hidden_seconds: float
    compute_seconds: float
    data_share: float
    skipped_steps: int
    memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch.

    Attributes:
        epoch: From 0.
        step: Steps done in the run.
        loss: Mean over the samples of all ranks.
        samples: Of all ranks.
        seconds: Wall time, evaluation and checkpoints included; after a resume, of the rest.
        first_batch_seconds: How long the first batch was waited for, workers started included.
    """

    epoch: int
    step: int
    loss: float
    samples: int
    seconds: float
    first_batch_seconds: float


@dataclass(frozen=True, kw_only=True)
class EvalRecord:
    """One evaluation.

    Attributes:
        epoch: Epochs done.
        step: Steps done.
        metrics: "loss" and the metrics, over the samples of all ranks.
        seconds: Wall time.
        is_best: Whether `TrainConfig.monitor` improved.
    """

    epoch: int
    step: int
    metrics: Mapping[str, float]
    seconds: float
    is_best: bool


@dataclass(frozen=True, kw_only=True)
class CheckpointRecord:
    """A checkpoint that is on the disk.

    Attributes:
        step: Steps done.
        path: Its folder.
        size_bytes: Of its file.
        seconds: Wall time of the save.
    """

    step: int
    path: Path
    size_bytes: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """How a run ended; the last record, and what `Trainer.fit` returns.

    Attributes:
        reason: "finished", or "stopped early" for want of improvement.
        epochs: Epochs done.
        step: Steps done.
        metrics: Of the last evaluation; empty without one.
        best: Best value of `TrainConfig.monitor`, or None.
        best_step: Where that was.
        best_checkpoint: Its checkpoint, or None.
        seconds: Wall time of `fit`.
    """

    reason: Literal["finished", "stopped early"]
    epochs: int
    step: int
    metrics: Mapping[str, float]
    best: float | None
    best_step: int | None
    best_checkpoint: Path | None
    seconds: float


Record = StartRecord | LogLine | EpochRecord | EvalRecord | CheckpointRecord | FitResult

Report = Callable[[Record], None]
"""Told of each record as it comes, on rank 0 only."""

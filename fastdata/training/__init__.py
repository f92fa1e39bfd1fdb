"""The AMP training loop over any iterable of batches."""

from fastdata.training.config import MetricConfig, OptimizerConfig, TrainConfig
from fastdata.training.records import (
    CheckpointRecord,
    EpochRecord,
    EvalRecord,
    FitResult,
    LogLine,
    Record,
    Report,
    StartRecord,
)
from fastdata.training.stepping import StepResult
from fastdata.training.trainer import Trainer

__all__ = [
    "CheckpointRecord",
    "EpochRecord",
    "EvalRecord",
    "FitResult",
    "LogLine",
    "MetricConfig",
    "OptimizerConfig",
    "Record",
    "Report",
    "StartRecord",
    "StepResult",
    "TrainConfig",
    "Trainer",
]

"""How each kind of metric takes in batches, sums over ranks, and gives its results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MeanAbsoluteError, Metric
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassJaccardIndex,
    MulticlassPrecision,
    MulticlassRecall,
    MulticlassStatScores,
)

from fastdata.errors import LabelError, UsageError
from fastdata.training.config import MetricConfig
from fastdata.training.stepping import StepResult

__all__ = ["ClassCounts", "Distance", "Foreign", "Metric", "confusion"]


def confusion(
    predicted: Tensor, target: Tensor, classes: int, ignore_index: int | None
) -> tuple[Tensor, Tensor]:
    """Counts pairs of classes; torch.bincount, which torchmetrics uses, would wait for the GPU.

    Args:
        predicted: Class ids in [0, classes), any shape.
        target: Class ids, the same shape.
        classes: K.
        ignore_index: Target value that counts as nothing.

    Returns:
        int64 (K, K), target by prediction, and int64 (), the targets outside of [0, K).
    """
    predicted, target = predicted.reshape(-1).long(), target.reshape(-1).long()
    is_outside = (target < 0) | (target >= classes)
    cell = torch.where(is_outside, classes * classes, target * classes + predicted)
    if ignore_index is not None:
        cell = torch.where(target == ignore_index, classes * classes + 1, cell)
    counts = torch.zeros(classes * classes + 2, dtype=torch.int64, device=cell.device)
    counts.scatter_add_(0, cell, torch.ones_like(cell))
    return counts[:-2].view(classes, classes), counts[-2]


class _FromCounts(MulticlassStatScores):
    """Makes a torchmetrics metric of class statistics take a confusion matrix at once."""

    def update(self, matrix: Tensor) -> None:  # type: ignore[override]
        hits = matrix.diag()
        wrongly_named, missed = matrix.sum(dim=0) - hits, matrix.sum(dim=1) - hits
        others = matrix.sum() - hits - wrongly_named - missed
        self._update_state(hits, wrongly_named, others, missed)


class _Accuracy(_FromCounts, MulticlassAccuracy):
    pass


class _Precision(_FromCounts, MulticlassPrecision):
    pass


class _Recall(_FromCounts, MulticlassRecall):
    pass


class _F1(_FromCounts, MulticlassF1Score):
    pass


class _MeanIou(MulticlassJaccardIndex):
    def update(self, matrix: Tensor) -> None:  # type: ignore[override]
        self.confmat += matrix


class ClassCounts:
    """Classification and segmentation, from one confusion matrix over the whole loader.

    Args:
        config: Of either kind.
    """

    is_foreign = False

    def __init__(self, config: MetricConfig) -> None:
        assert config.classes is not None
        self._config = config
        self._classes = config.classes
        options: dict[str, Any] = {
            "num_classes": config.classes,
            "ignore_index": config.ignore_index,
            "validate_args": False,
            "sync_on_compute": False,
        }
        self._metrics: dict[str, Metric] = (
            {"miou": _MeanIou(**options)}
            if config.kind == "segmentation"
            else {
                "accuracy": _Accuracy(average="micro", **options),
                "precision": _Precision(average="macro", **options),
                "recall": _Recall(average="macro", **options),
                "f1": _F1(average="macro", **options),
            }
        )
        self.results = tuple(self._metrics)
        self.is_lower_better: bool | None = False
        self._state: list[Tensor] = []

    def reset(self, device: torch.device) -> None:
        """Begins an evaluation."""
        size = self._classes
        self._state = [
            torch.zeros(size, size, dtype=torch.int64, device=device),
            torch.zeros((), dtype=torch.int64, device=device),
        ]

    def update(self, result: StepResult) -> None:
        """Takes in scores (B, K, ...), or logits of the second of two classes, and class ids."""
        scores = _picked(result.outputs, self._config.output, "output")
        target = _picked(result.targets, self._config.target, "target")
        predicted = self._predicted(scores, target)
        for state, found in zip(
            self._state,
            confusion(predicted, target, self._classes, self._config.ignore_index),
            strict=True,
        ):
            state += found

    def state(self) -> list[Tensor]:
        """What is summed over ranks."""
        return self._state

    def compute(self, summed: list[Tensor]) -> dict[str, float]:
        """The results.

        Raises:
            LabelError: Some targets were no classes.
        """
        matrix, outside = summed
        if int(outside):
            raise LabelError(
                f"{int(outside)} targets lie outside of the classes 0..{self._classes - 1}; give "
                "their value as MetricConfig(ignore_index=...), or correct classes="
            )
        results = {}
        for name, metric in self._metrics.items():
            metric.reset()
            metric.update(matrix.to(metric.device))
            results[name] = float(metric.compute())
        return results

    def _predicted(self, scores: Tensor, target: Tensor) -> Tensor:
        if scores.ndim == target.ndim + 1 and scores.shape[1] == self._classes:
            return scores.argmax(dim=1)
        if self._classes == 2 and scores.numel() == target.numel():
            return scores.reshape(target.shape) > 0
        raise UsageError(
            f"metrics of {self._classes} classes got outputs {tuple(scores.shape)} for targets "
            f"{tuple(target.shape)}; expected scores (B, {self._classes}, ...) and class ids "
            "(B, ...)"
        )


class Distance:
    """Regression: the mean absolute error.

    Args:
        config: Of this kind.
    """

    is_foreign = False

    def __init__(self, config: MetricConfig) -> None:
        self._config = config
        self._metric = MeanAbsoluteError(sync_on_compute=False)
        self.results: tuple[str, ...] = ("mae",)
        self.is_lower_better: bool | None = True

    def reset(self, device: torch.device) -> None:
        """Begins an evaluation."""
        self._metric = self._metric.to(device)
        self._metric.reset()

    def update(self, result: StepResult) -> None:
        """Takes in values and targets of as many elements."""
        values = _picked(result.outputs, self._config.output, "output")
        target = _picked(result.targets, self._config.target, "target")
        if values.numel() != target.numel():
            raise UsageError(
                f"the mae of outputs {tuple(values.shape)} and targets {tuple(target.shape)}; "
                "expected as many elements"
            )
        self._metric.update(values.reshape(target.shape).float(), target.float())

    def state(self) -> list[Tensor]:
        """What is summed over ranks."""
        return [self._metric.sum_abs_error, self._metric.total]

    def compute(self, summed: list[Tensor]) -> dict[str, float]:
        """The result."""
        total, samples = summed
        return {"mae": float(total / samples)}


class Foreign:
    """A metric of torchmetrics as the user built it; it takes all outputs and targets.

    Args:
        metric: It exchanges its own state among ranks.
    """

    is_foreign = True

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self.results: tuple[str, ...] = ("",)
        better = metric.higher_is_better
        self.is_lower_better = None if better is None else not better

    def reset(self, device: torch.device) -> None:
        """Begins an evaluation."""
        self._metric = self._metric.to(device)
        self._metric.reset()

    def update(self, result: StepResult) -> None:
        """Takes in a batch."""
        self._metric.update(result.outputs, result.targets)

    def state(self) -> list[Tensor]:
        """Nothing: the metric sums by itself."""
        return []

    def compute(self, _summed: list[Tensor]) -> dict[str, float]:
        """The results: one, or one for each key or place."""
        value = self._metric.compute()
        if isinstance(value, Mapping):
            return {str(key): float(part) for key, part in value.items()}
        if value.numel() == 1:
            return {"": float(value)}
        return {str(place): part for place, part in enumerate(value.flatten().tolist())}


def _picked(values: Any, which: int | str | None, name: str) -> Tensor:
    found = values
    if which is not None:
        try:
            by_name = isinstance(which, str) and not isinstance(values, Mapping)
            found = getattr(values, which) if by_name else values[which]  # type: ignore[arg-type]
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise UsageError(
                f"a step has no {name} {which!r}; correct MetricConfig({name}=...)"
            ) from error
    if not isinstance(found, Tensor):
        raise UsageError(
            f"metrics got {type(found).__name__} as {name}; say which of them is meant by "
            f"MetricConfig({name}=...), a position or a key"
        )
    return found

"""What evaluation measures, by the names that it is reported under."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from fastdata.errors import UsageError
from fastdata.training.config import MetricConfig
from fastdata.training.stepping import StepResult

if TYPE_CHECKING:
    from fastdata.training.metric_parts import ClassCounts, Distance, Foreign

__all__ = ["Metrics"]


class Metrics:
    """All metrics of an evaluation.

    Args:
        wanted: As `metrics` of a Trainer.

    Raises:
        UsageError: It is nothing of that.
    """

    def __init__(self, wanted: Any) -> None:
        named = wanted if isinstance(wanted, Mapping) else {"": wanted} if wanted else {}
        self._parts = {str(name): _part(str(name), entry) for name, entry in named.items()}

    @property
    def directions(self) -> dict[str, bool | None]:
        """Whether less is better, by result; None where its metric does not say."""
        return {
            _joined(name, result): part.is_lower_better
            for name, part in self._parts.items()
            for result in part.results
        }

    def direction(self, result: str) -> Literal["min", "max"] | None:
        """Whether less or more of a result is better; None where its metric does not say.

        Raises:
            UsageError: There will be no such result.
        """
        directions = {"loss": True} | self.directions
        foreign = [n for n, part in self._parts.items() if part.is_foreign]
        if result not in directions and not any(result.startswith(name) for name in foreign):
            raise UsageError(
                f"monitor={result!r}, but evaluation gives {', '.join(directions)}; choose one of "
                "them, or add a metric"
            )
        is_lower_better = directions.get(result)
        return None if is_lower_better is None else "min" if is_lower_better else "max"

    def reset(self, device: torch.device) -> None:
        """Begins an evaluation."""
        for part in self._parts.values():
            part.reset(device)

    def update(self, result: StepResult) -> None:
        """Takes in one batch.

        Raises:
            UsageError: The step returned no outputs and targets, or not those that are asked for.
        """
        if self._parts and (result.outputs is None or result.targets is None):
            raise UsageError(
                "metrics need what the model gave and what it should have given; return (loss, "
                "outputs, targets) from the step function"
            )
        for part in self._parts.values():
            part.update(result)

    def state(self) -> list[Tensor]:
        """Tensors of which ranks take the sum."""
        return [tensor for part in self._parts.values() for tensor in part.state()]

    def compute(self, summed: list[Tensor]) -> dict[str, float]:
        """The results.

        Args:
            summed: `state`, summed over the ranks.

        Raises:
            LabelError: Some targets were no classes.
        """
        left, results = iter(summed), dict[str, float]()
        for name, part in self._parts.items():
            own = [next(left) for _ in part.state()]
            results |= {_joined(name, key): value for key, value in part.compute(own).items()}
        return results


def _part(name: str, entry: Any) -> ClassCounts | Distance | Foreign:
    # Imported when it is needed: torchmetrics takes as long to import as torch itself.
    from fastdata.training import metric_parts

    if isinstance(entry, MetricConfig):
        is_regression = entry.kind == "regression"
        return metric_parts.Distance(entry) if is_regression else metric_parts.ClassCounts(entry)
    if isinstance(entry, metric_parts.Metric):
        return metric_parts.Foreign(entry)
    raise UsageError(
        f"metrics[{name!r}] is {type(entry).__name__}; expected a MetricConfig or a metric of "
        "torchmetrics"
    )


def _joined(name: str, result: str) -> str:
    return "/".join(part for part in (name, result) if part) or "metric"

"""What one batch is put through: the model, and a loss over its samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from fastdata.errors import UsageError

__all__ = ["Loss", "StepFunction", "StepResult", "as_result", "supervised"]

Loss = Callable[[Any, Any], Tensor]
"""loss(output, target): the mean over the samples of the batch, a scalar."""


class StepResult(NamedTuple):
    """What a step function returns.

    Attributes:
        loss: Mean over the batch's samples, a scalar tensor with its graph.
        outputs: For metrics: a tensor, or a tuple or dict of them.
        targets: Likewise.
        samples: How many samples the loss is the mean of; None counts the batch's first tensor.
    """

    loss: Tensor
    outputs: Any = None
    targets: Any = None
    samples: int | None = None


StepFunction = Callable[[nn.Module, Any], StepResult | Tensor | tuple[Any, ...]]
"""step(model, batch), with the batch on the device; it calls `model`, which may be wrapped."""


def supervised(loss: Loss) -> StepFunction:
    """The step of a model that has one input and one target: batches of (input, target)."""

    def step(model: nn.Module, batch: Any) -> StepResult:
        inputs, targets = _pair(batch)
        outputs = model(inputs)
        return StepResult(loss(outputs, targets), outputs, targets)

    return step


def as_result(returned: Any) -> StepResult:
    """What a step function returned, as a `StepResult`.

    Raises:
        UsageError: It is neither that, nor a scalar loss, nor a tuple beginning with one.
    """
    if isinstance(returned, StepResult):
        result = returned
    elif isinstance(returned, tuple):
        result = StepResult(*returned[:4])
    else:
        result = StepResult(returned)
    if not isinstance(result.loss, Tensor) or result.loss.numel() != 1:
        shape = tuple(result.loss.shape) if isinstance(result.loss, Tensor) else result.loss
        raise UsageError(
            f"the loss is {shape!r}; expected a tensor with one number, the mean over the batch's "
            "samples: add .mean()"
        )
    return result


def _pair(batch: Any) -> tuple[Any, Any]:
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    if isinstance(batch, Mapping):
        found = f"a dict of {', '.join(map(str, batch))}"
    elif hasattr(batch, "_fields"):
        found = f"({', '.join(batch._fields)})"
    else:
        found = type(batch).__name__
    raise UsageError(
        f"a batch is {found}; loss= takes batches of (input, target). Pass step= with a function "
        "step(model, batch) that returns the loss, or choose two fields in the loader"
    )

"""A moving average of a model's weights, which often predicts better than the weights do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

__all__ = ["WeightAverage"]


class WeightAverage:
    """Averages parameters and floating-point buffers, one more model in memory.

    Args:
        model: On its device.
        decay: In (0, 1). The decay used after t steps is ``min(decay, (1 + t) / (10 + t))``, so
            that the random weights of the beginning are soon forgotten.

    Source: B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging",
    SIAM Journal on Control and Optimization 30, 1992.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        named = {name: tensor for name, tensor in named.items() if tensor.is_floating_point()}
        self._names = list(named)
        self._live = [tensor.detach() for tensor in named.values()]
        self._average = [tensor.clone() for tensor in self._live]

    @torch.no_grad()
    def update(self, made: int | Tensor, advance: int | Tensor = 1) -> None:
        """Takes in the weights after a step.

        Args:
            made: Steps made, this one included.
            advance: 1, or 0 for a step that was skipped. Tensors () make no CPU wait.
        """
        warm = (1 + made) / (10 + made)
        if isinstance(warm, Tensor):
            weight = (1 - warm.clamp(max=self._decay)) * advance
            towards = torch._foreach_sub(self._live, self._average)
            torch._foreach_mul_(towards, weight)
            torch._foreach_add_(self._average, towards)
        elif advance:
            torch._foreach_lerp_(self._average, self._live, 1 - min(self._decay, warm))

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged weights inside, and its own ones afterwards."""
        own = [tensor.clone() for tensor in self._live]
        _copy(self._live, self._average)
        try:
            yield
        finally:
            _copy(self._live, own)

    def state_dict(self) -> dict[str, Tensor]:
        """The averages under the names that the model's state_dict has for them."""
        return dict(zip(self._names, self._average, strict=True))

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Takes what `state_dict` gave."""
        _copy(self._average, [state[name] for name in self._names])


@torch.no_grad()
def _copy(targets: list[Tensor], sources: list[Tensor]) -> None:
    for target, source in zip(targets, sources, strict=True):
        target.copy_(source)

"""Leaves a model and its optimizer as they were, whatever is trained in between.

Weights are copied aside and back, so that the trials run on the very tensors that the user holds: a
second model would need the memory that is to be measured.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

__all__ = ["untouched"]

# What a module or an optimizer keeps beside its tensors, such as a counter.
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


@contextmanager
def untouched(modules: Iterable[nn.Module], optimizer: Optimizer | None) -> Iterator[None]:
    """Within it modules may be moved and trained; after it nothing of that has been.

    Gradients are set aside, and the optimizer begins without a state.

    Args:
        modules: The model, and the loss when it is a module.
        optimizer: The user's over their parameters, or None.
    """
    every = [module for root in modules for module in root.modules()]
    tensors = _Tensors(every)
    plain = [(module, _plain_attributes(module)) for module in every]
    with _without_state(optimizer):
        try:
            yield
        finally:
            for owner, attributes in plain:
                vars(owner).update(attributes)
            tensors.restore()


@contextmanager
def _without_state(optimizer: Optimizer | None) -> Iterator[None]:
    if optimizer is None:
        yield
        return
    attributes = _plain_attributes(optimizer)
    groups = [_without_params(group) for group in optimizer.param_groups]
    state, optimizer.state = optimizer.state, defaultdict(dict)
    try:
        yield
    finally:
        optimizer.state = state
        vars(optimizer).update(attributes)
        for group, saved in zip(optimizer.param_groups, groups, strict=True):
            params = group["params"]
            group.clear()
            group.update({"params": params, **saved})


class _Tensors:
    """Copies of all parameters and buffers, with the gradients themselves."""

    def __init__(self, modules: list[nn.Module]) -> None:
        self._places = [place for module in modules for place in _places(module)]
        # `data` is the storage itself: a move to the GPU or to channels_last gives the parameter
        # another, and leaves this one as it was.
        self._storages = {tensor: tensor.data for _, _, tensor in self._places}
        self._copies = {
            tensor: data.to("cpu", copy=True) for tensor, data in self._storages.items()
        }
        self._gradients = [(tensor, tensor.grad) for tensor in self._storages if tensor.is_leaf]
        for tensor, _ in self._gradients:
            tensor.grad = None

    def restore(self) -> None:
        for tensor, data in self._storages.items():
            tensor.grad = None  # one on another device would not fit the storage
            data.copy_(self._copies[tensor])
            tensor.data = data
        for kept, name, tensor in self._places:  # a buffer may have been replaced
            kept[name] = tensor
        for tensor, gradient in self._gradients:
            tensor.grad = gradient


def _places(module: nn.Module) -> Iterator[tuple[dict[str, Any], str, Tensor]]:
    for kept in (module._parameters, module._buffers):
        for name, tensor in kept.items():
            if tensor is not None:
                yield kept, name, tensor


def _plain_attributes(owner: object) -> dict[str, Any]:
    return {name: value for name, value in vars(owner).items() if isinstance(value, _PLAIN)}


def _without_params(group: dict[str, Any]) -> dict[str, Any]:
    return {name: copy.deepcopy(value) for name, value in group.items() if name != "params"}

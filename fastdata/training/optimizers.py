"""Builds the optimizer that settings describe."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from fastdata.errors import UsageError
from fastdata.training.config import OptimizerConfig

__all__ = ["build_optimizer"]

# Devices for which torch has kernels that update all weights in one go.
_FUSED_DEVICES = ("cuda", "cpu")


def build_optimizer(
    model: nn.Module, config: OptimizerConfig, device: torch.device, *, tensor_lr: bool
) -> Optimizer:
    """An optimizer over the model's trained parameters.

    Args:
        model: Already on the device.
        config: Its settings.
        device: Where the parameters are.
        tensor_lr: Whether the learning rate is a tensor on the device, so that it can follow steps
            of which only the device knows whether they were skipped.

    Raises:
        UsageError: The model has nothing to train.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained:
        raise UsageError("the model has no parameter with requires_grad=True; nothing to train")
    fused = config.fused is True or (config.fused == "auto" and device.type in _FUSED_DEVICES)
    weights = [parameter for parameter in trained if parameter.ndim >= 2]
    others = [parameter for parameter in trained if parameter.ndim < 2]
    groups = [
        {"params": members, "weight_decay": decay}
        for members, decay in ((weights, config.weight_decay), (others, 0.0))
        if members
    ]
    lr = torch.tensor(config.lr, device=device) if tensor_lr and fused else config.lr
    if config.name == "sgd":
        nesterov = config.momentum > 0
        return SGD(groups, lr=lr, momentum=config.momentum, nesterov=nesterov, fused=fused)
    kind = AdamW if config.name == "adamw" else Adam
    return kind(groups, lr=lr, betas=config.betas, fused=fused)

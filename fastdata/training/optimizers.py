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


def build_optimizer(model: nn.Module, config: OptimizerConfig, device: torch.device) -> Optimizer:
    """An optimizer over the trained parameters of a model that is on its device.

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
    if config.name == "sgd":
        nesterov = config.momentum > 0
        return SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=nesterov, fused=fused)
    kind = AdamW if config.name == "adamw" else Adam
    return kind(groups, lr=config.lr, betas=config.betas, fused=fused)

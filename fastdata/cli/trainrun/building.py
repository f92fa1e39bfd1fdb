"""Builds what a config describes: model, loss, optimizer and loaders."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import Subset

from fastdata.config import (
    DataConfig,
    RunConfig,
    Target,
    build,
    build_transforms,
    import_from,
    import_target,
)
from fastdata.errors import UsageError
from fastdata.loader import FastLoader
from fastdata.packs import Pack, open_pack
from fastdata.training import MetricConfig, OptimizerConfig

__all__ = ["Parts", "build_parts", "loaders"]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a run is made of, apart from its loaders.

    Attributes:
        model: In main memory.
        loss: For batches of (input, target), or None.
        step: Or a step function.
        optimizer: Over the model's parameters, or settings of one.
        metrics: As a Trainer takes them.
        train_data: A pack or another dataset.
        val_data: Likewise, or None.
    """

    model: nn.Module
    loss: Any
    step: Any
    optimizer: Optimizer | OptimizerConfig
    metrics: Any
    train_data: Any
    val_data: Any


def build_parts(config: RunConfig, folder: Path) -> Parts:
    """Imports and builds everything that the config names.

    Args:
        config: The checked config.
        folder: Where it lies: its paths and modules are looked for there.

    Raises:
        UsageError: Something cannot be imported or built, or does not fit the pack.
    """
    import_from(folder)
    # So that weights are the same in every run, as the order is by data.seed.
    torch.manual_seed(config.data.seed)
    model = build(config.model, key="model")
    if not isinstance(model, nn.Module):
        raise UsageError(
            f"model: {config.model.path} gave a {type(model).__name__}; expected a torch.nn.Module"
        )
    loss = None if config.loss is None else _called_or_bound(config.loss, "loss")
    step = None if config.step is None else _bound(config.step, "step")
    train_data, val_data = _datasets(config.data, folder)
    for key, dataset in (("data.train", train_data), ("data.val", val_data)):
        _check_fields(dataset, config, key)
    return Parts(
        model=model,
        loss=loss,
        step=step,
        optimizer=_optimizer(config, model),
        metrics=_metrics(config),
        train_data=train_data,
        val_data=val_data,
    )


def loaders(config: DataConfig, parts: Parts) -> tuple[FastLoader, FastLoader | None]:
    """The loaders for training and for evaluation."""
    augment = build_transforms(config.transforms, key="data.transforms")
    plain = augment
    if config.val_transforms is not None:
        plain = build_transforms(config.val_transforms, key="data.val_transforms")
    make = functools.partial(
        FastLoader,
        batch_size=config.batch_size,
        num_workers=config.num_workers,
        prefetch_factor=config.prefetch_factor,
        fields=config.fields,
        seed=config.seed,
        on_bad=config.on_bad,
    )
    train = make(parts.train_data, shuffle=True, transforms=augment or None)
    if parts.val_data is None:
        return train, None
    return train, make(parts.val_data, shuffle=False, transforms=plain or None)


def _called_or_bound(target: Target, key: str) -> Any:
    """A loss class is called, a loss function gets its arguments when it is used."""
    if inspect.isclass(import_target(target, key=key)):
        return build(target, key=key)
    return _bound(target, key)


def _bound(target: Target, key: str) -> Callable[..., Any]:
    function: Callable[..., Any] = import_target(target, key=key)
    return functools.partial(function, **target.args) if target.args else function


def _optimizer(config: RunConfig, model: nn.Module) -> Optimizer | OptimizerConfig:
    if isinstance(config.optimizer, OptimizerConfig):
        return config.optimizer
    found = build(config.optimizer, model.parameters(), key="optimizer")
    if not isinstance(found, Optimizer):
        raise UsageError(
            f"optimizer: {config.optimizer.path} gave a {type(found).__name__}; expected a "
            "torch.optim.Optimizer"
        )
    return found


def _metrics(config: RunConfig) -> Any:
    if isinstance(config.metrics, dict):
        return {name: _metric(entry, f"metrics.{name}") for name, entry in config.metrics.items()}
    return None if config.metrics is None else _metric(config.metrics, "metrics")


def _metric(entry: MetricConfig | Target, key: str) -> Any:
    return entry if isinstance(entry, MetricConfig) else build(entry, key=key)


def _datasets(config: DataConfig, folder: Path) -> tuple[Any, Any]:
    train = _dataset(config.train, folder, "data.train")
    if config.val is not None:
        return train, _dataset(config.val, folder, "data.val")
    if not config.val_share:
        return train, None
    order = np.random.default_rng(config.seed).permutation(len(train))
    kept = round(len(order) * config.val_share)
    if not 0 < kept < len(order):
        raise UsageError(
            f"data.val_share={config.val_share} of {len(order)} samples leaves nothing on one "
            "side; choose another share, or give data.val"
        )
    return Subset(train, sorted(order[kept:].tolist())), Subset(
        train, sorted(order[:kept].tolist())
    )


def _dataset(named: str | Target, folder: Path, key: str) -> Any:
    return build(named, key=key) if isinstance(named, Target) else open_pack(folder / named)


def _check_fields(dataset: Any, config: RunConfig, key: str) -> None:
    """Refuses a pack whose fields are not those that the config or the loss wants."""
    pack = dataset.dataset if isinstance(dataset, Subset) else dataset
    if not isinstance(pack, Pack):
        return
    found, wanted = list(pack.schema), config.data.fields
    missing = [field for field in wanted or () if field not in found]
    if missing:
        raise UsageError(
            f"{key}: {pack.path} has the fields {_listed(found)}; data.fields expects "
            f"{_listed(wanted or ())}; {_listed(missing)} is not there"
        )
    if config.loss is not None and len(wanted or found) != 2:
        raise UsageError(
            f"{key}: {pack.path} gives the fields {_listed(wanted or found)}; loss takes batches "
            f"of two, input and target: choose them, as data.fields: [{found[0]}, {found[-1]}], "
            "or write a step function"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)

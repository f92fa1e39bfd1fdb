"""Small models and samples for tests of training, and trainers that note their losses."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from fastdata.training import TrainConfig, Trainer
from fastdata.training.checkpoint import load

FEATURES = 6


def points(count: int = 23, *, seed: int = 0) -> TensorDataset:
    """Points in six dimensions, of two classes that a line divides."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, FEATURES, generator=generator)
    return TensorDataset(x, (x.sum(dim=1) > 0).long())


def batches(*sizes: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    """Batches of these sizes, as a list."""
    x, y = points(sum(sizes), seed=seed).tensors
    return list(zip(x.split(sizes), y.split(sizes), strict=True))


def network(*, dropout: float = 0.0, seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(FEATURES, 8), nn.BatchNorm1d(8) if dropout else nn.Identity(), nn.Tanh(),
        nn.Dropout(dropout), nn.Linear(8, 2)
    )  # fmt: skip


class NotedLoss:
    """Cross entropy that remembers every training loss, exactly."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        loss = nn.functional.cross_entropy(output, target)
        if torch.is_grad_enabled():
            self.seen.append(loss.item())
        return loss


class StopsAt(NotedLoss):
    """Ends the process's part of a run at its n-th batch, as SIGTERM would."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        self._batch = batch

    def __call__(self, output: Any, target: Any) -> Any:
        loss = super().__call__(output, target)
        if torch.is_grad_enabled() and len(self.seen) == self._batch:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss


class GradientLog(torch.optim.SGD):
    """Keeps the gradient of every step, and changes nothing, so that steps can be compared."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, lr=0.0)
        self.gradients: list[list[Tensor]] = []

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.gradients.append([p.grad.clone() for p in self.param_groups[0]["params"]])


def trainer(model: nn.Module, loss: Callable[..., Any], **settings: Any) -> Trainer:
    """A silent trainer in float32; settings that are no TrainConfig's go to the Trainer."""
    own = {name: settings.pop(name) for name in list(settings) if name in OWN}
    own.setdefault("report", lambda record: None)
    config = {"precision": "fp32", "schedule": "constant", "warmup_steps": 0, "epochs": 1}
    return Trainer(model, loss, config=TrainConfig(**(config | settings)), **own)


OWN = {"optimizer", "metrics", "folder", "report", "step"}


def fit(folder: Path, *, resume: Any = False, epochs: int = 3, **settings: Any) -> Any:
    """A trainer that keeps its checkpoints there, and what its training gave."""
    own = trainer(network(), NotedLoss(), folder=folder, epochs=epochs, **settings)
    return own, own.fit(batches(4, 4, 3), batches(5, seed=9), resume=resume)


def steps_that_load(folder: Path) -> list[int]:
    """Of the checkpoints of a run, those that can be read."""
    return sorted(load(path)["progress"]["step"] for path in (folder / "checkpoints").iterdir())

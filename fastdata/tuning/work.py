"""What a search trains: a model and its step, set up as a Trainer would, put back afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from fastdata.errors import UsageError
from fastdata.training.config import OptimizerConfig, TrainConfig, from_given
from fastdata.training.optimizers import build_optimizer
from fastdata.training.peers import local_rank
from fastdata.training.placement import choose_device, model_precision, placed
from fastdata.training.precision import fast_arithmetic
from fastdata.training.stepping import StepFunction, supervised
from fastdata.tuning.fingerprint import (
    describe_batch,
    describe_device,
    describe_model,
    describe_object,
)
from fastdata.tuning.memory import MemoryMeter
from fastdata.tuning.records import Trial
from fastdata.tuning.restore import untouched
from fastdata.tuning.sampling import MakeBatch
from fastdata.tuning.trial import Trainee, run_trial

__all__ = ["Work"]


@dataclass(frozen=True, kw_only=True)
class Work:
    """A model with all that decides what a step of it costs.

    Attributes:
        model: As the user gave it.
        loss: Likewise, or None when there is a step function.
        step: One forward pass up to the loss.
        optimizer: The user's, or the settings of the one to build.
        config: Settings of the run.
        device: Where it will be trained.
    """

    model: nn.Module
    loss: Any
    step: StepFunction
    optimizer: Optimizer | OptimizerConfig
    config: TrainConfig
    device: torch.device

    @classmethod
    def of(cls, model: nn.Module, *, loss: Any, step: Any, optimizer: Any, config: Any) -> Work:
        """The work that a Trainer with these arguments would do.

        Raises:
            UsageError: They do not fit each other, or there is no such device.
        """
        if (loss is None) == (step is None):
            raise UsageError("give exactly one of loss= and step=, as to a Trainer")
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            if is_lazy(tensor):
                raise UsageError(
                    f"{name} of the model has no shape yet; put one batch through the model first"
                )
        # Each size would be compiled anew.
        settings = dataclasses.replace(from_given(TrainConfig, config), compile=False)
        if not isinstance(optimizer, Optimizer):
            optimizer = from_given(OptimizerConfig, optimizer)
        return cls(
            model=model,
            loss=loss,
            step=supervised(loss) if step is None else step,
            optimizer=optimizer,
            config=settings,
            device=choose_device(settings.device, local_rank()),
        )

    @property
    def precision(self) -> str:
        """The number format of forward and loss."""
        return model_precision(self.model, self.config, self.device).name

    def describe(self, make: MakeBatch) -> dict[str, Any]:
        """All that time and memory of a step depend on, as plain data."""
        optimizer = self.optimizer
        return {
            "torch": torch.__version__,
            "model": describe_model(self.model),
            "loss": describe_object(self.step if self.loss is None else self.loss),
            "optimizer": describe_object(optimizer)
            if isinstance(optimizer, Optimizer)
            else dataclasses.asdict(optimizer),
            "batch": describe_batch(make(1)),
            "device": describe_device(self.device),
            "precision": self.precision,
            "arithmetic": [
                self.config.tf32,
                self.config.cudnn_benchmark,
                self.config.channels_last,
            ],
            "averaged": self.config.ema_decay is not None,
        }

    def average_bytes(self) -> int:
        """Memory of the weights' moving average, which the trials do without."""
        if self.config.ema_decay is None:
            return 0
        return sum(weight.numel() * weight.element_size() for weight in self.model.parameters())

    @contextmanager
    def trials(
        self,
        make: MakeBatch,
        meter: MemoryMeter,
        *,
        target_bytes: int,
        report: Callable[[Trial], None] | None,
    ) -> Iterator[Callable[[int], Trial]]:
        """What measures at one size; when it is left, everything is as it was before."""
        arithmetic = fast_arithmetic(
            tf32=self.config.tf32, cudnn_benchmark=self.config.cudnn_benchmark
        )
        given = self.optimizer if isinstance(self.optimizer, Optimizer) else None
        modules = [part for part in (self.model, self.loss) if isinstance(part, nn.Module)]
        with untouched(modules, given), arithmetic:
            trainee = self._set_up()

            def measure(size: int) -> Trial:
                trial = run_trial(trainee, make, size, meter=meter, target_bytes=target_bytes)
                if report is not None:
                    report(trial)
                return trial

            yield measure

    def _set_up(self) -> Trainee:
        where = placed(self.model, self.loss, self.config, local_rank=local_rank())
        optimizer = self.optimizer
        if isinstance(optimizer, OptimizerConfig):
            optimizer = build_optimizer(self.model, optimizer, where.device)
        self.model.train()
        return Trainee(where=where, step=self.step, optimizer=optimizer)

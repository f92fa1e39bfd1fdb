"""What the YAML of a training run says: pydantic models of its sections, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from fastdata.training import MetricConfig, OptimizerConfig, TrainConfig

__all__ = ["DataConfig", "OutConfig", "RunConfig", "Target"]


class Section(BaseModel):
    """Part of the file. Unknown keys are found before, by `fastdata.config.checking`."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Target(Section):
    """Something to import, and what to call it with.

    Attributes:
        path: ``package.module:Name``, from the folder of the file or the installed packages.
        args: Keyword arguments.
    """

    path: str = Field(pattern=r"^[\w.]+:[\w.]+$")
    args: dict[str, Any] = {}


def _as_target(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


Imported = Annotated[Target, BeforeValidator(_as_target)]
"""A `Target`, or its path alone."""


def _metric_kind(value: Any) -> str:
    """The tag of what stands in the file, or of what was made of it."""
    if isinstance(value, Mapping):
        one = (Mapping, MetricConfig, Target)
        if value and all(isinstance(entry, one) for entry in value.values()):
            return "dict"
        return "Target" if "path" in value else "MetricConfig"
    return type(value).__name__


# What is meant is told by what is there, so that a fault is told of that kind alone.
_OneMetric = Annotated[MetricConfig, Tag("MetricConfig")] | Annotated[Target, Tag("Target")]
_BY_KIND = Discriminator(
    _metric_kind,
    custom_error_type="metric",
    custom_error_message="expected settings such as {kind: regression}, something to import "
    "such as {path: 'torchmetrics:MeanSquaredError'}, or several of either by name",
)
Metrics = Annotated[
    _OneMetric | Annotated[dict[str, Annotated[_OneMetric, _BY_KIND]], Tag("dict")], _BY_KIND
]
"""Settings of a metric, an imported one, or several of them by name."""


class DataConfig(Section):
    """Where batches come from.

    Attributes:
        train: A pack, as a path from the folder of the file; or an imported dataset.
        val: Likewise, for evaluation; None evaluates on `val_share`.
        val_share: Share of the samples of `train` in [0, 1) that is kept for evaluation instead.
        batch_size: Samples that each process puts through the model at once.
        fields: Fields of the pack, in the order of a batch; None takes all.
        transforms: Names of `fastdata.transforms`, with their arguments.
        val_transforms: For evaluation; None takes `transforms`.
        num_workers: As of FastLoader, as are the two that follow.
        prefetch_factor: See `num_workers`.
        on_bad: See `num_workers`.
        seed: Of order, transforms and the share.
    """

    train: str | Target
    val: str | Target | None = None
    val_share: float = Field(0.0, ge=0, lt=1)
    batch_size: int = Field(32, ge=1)
    fields: list[str] | None = None
    transforms: list[str | dict[str, Any]] = []
    val_transforms: list[str | dict[str, Any]] | None = None
    num_workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    prefetch_factor: Annotated[int, Field(ge=1)] | None = None
    on_bad: Literal["raise", "skip"] = "raise"
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _one_way_to_evaluate(self) -> DataConfig:
        if self.val is not None and self.val_share:
            raise ValueError("val_share keeps a part of train for evaluation; leave it or val out")
        return self


class OutConfig(Section):
    """What a run leaves behind.

    Attributes:
        folder: Run folder, as a path from the folder of the file; None is ``runs/NAME`` there.
        tensorboard: Whether to write TensorBoard's files; "auto": when it is installed.
    """

    folder: Path | None = None
    tensorboard: bool | Literal["auto"] = "auto"


class RunConfig(Section):
    """The whole file.

    Attributes:
        model: A class or function that gives the model.
        loss: A loss class, called with its arguments, for batches of (input, target); or `step`.
        step: A function step(model, batch), see `Trainer`; arguments are bound to it.
        data: Where batches come from.
        optimizer: Settings of the one to build; or an imported class, given the parameters.
        metrics: What evaluation measures: settings of it, or an imported metric of torchmetrics,
            called with its arguments; or several by name.
        training: Settings of the Trainer.
        run: What the run leaves behind.
    """

    model: Imported
    loss: Imported | None = None
    step: Imported | None = None
    data: DataConfig
    optimizer: OptimizerConfig | Target = OptimizerConfig()
    metrics: Metrics | None = None
    training: TrainConfig = TrainConfig()
    run: OutConfig = OutConfig()

    @model_validator(mode="after")
    def _one_way_to_a_loss(self) -> RunConfig:
        if (self.loss is None) == (self.step is None):
            raise ValueError("expected either loss, for batches of (input, target), or step")
        return self

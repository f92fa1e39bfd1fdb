"""Every setting of a training run, with the reason for its default."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from fastdata.errors import UsageError
from fastdata.training.interval import parse_interval

__all__ = ["MetricConfig", "OptimizerConfig", "TrainConfig", "from_given"]

_Settings = TypeVar("_Settings", "OptimizerConfig", "TrainConfig")


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """Which optimizer a Trainer builds when it is not given one.

    Attributes:
        name: "adamw", "adam" or "sgd". AdamW, since it needs the least tuning.
        lr: Peak learning rate, above 0. 1e-3 is AdamW's own default.
        weight_decay: From 0, applied to weights of two or more dimensions only; decaying biases and
            norms makes them worse. 0.01 is AdamW's own default.
        betas: Of Adam and AdamW, each in [0, 1).
        momentum: Of SGD, in [0, 1), with Nesterov's correction when above 0.
        fused: One kernel for the whole update; "auto" where the device has one. It is also what
            lets a float16 step be skipped without the CPU waiting for the GPU.
    """

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.9
    fused: bool | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        _choice("name", self.name, ("adamw", "adam", "sgd"))
        _number("lr", self.lr, above=0)
        _number("weight_decay", self.weight_decay, least=0)
        if len(self.betas) != 2:
            raise UsageError(f"betas={self.betas!r}; expected two numbers, such as (0.9, 0.999)")
        for beta in self.betas:
            _number("betas", beta, least=0, below=1)
        _number("momentum", self.momentum, least=0, below=1)
        _choice("fused", self.fused, (True, False, "auto"))


@dataclass(frozen=True, kw_only=True)
class MetricConfig:
    """What evaluation measures, on which of a step's outputs and targets.

    Attributes:
        kind: "classification" gives accuracy and macro precision, recall and f1 of scores (B, K);
            "segmentation" gives miou of scores (B, K, H, W), over all pixels of the loader;
            "regression" gives mae of values of any shape.
        classes: K, from 2; not for regression.
        output: Position or key where a step has several outputs; None takes them as they are.
        target: Likewise.
        ignore_index: Target value that counts as nothing; None counts all.
    """

    kind: Literal["classification", "regression", "segmentation"]
    classes: int | None = None
    output: int | str | None = None
    target: int | str | None = None
    ignore_index: int | None = None

    def __post_init__(self) -> None:
        _choice("kind", self.kind, ("classification", "regression", "segmentation"))
        if self.kind == "regression":
            if self.classes is not None or self.ignore_index is not None:
                raise UsageError("regression has neither classes nor ignore_index; leave them out")
        else:
            _whole("classes", self.classes, least=2)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a Trainer trains. A step is one update of the optimizer.

    Attributes:
        epochs: Passes over the training loader, from 1. 10: enough to see a run learn.
        max_steps: Ends the run earlier; needed with a cosine schedule when the loader has no
            length. None: the epochs decide.
        accumulate: Batches whose gradients make one step, from 1, each weighted by its samples. 1:
            accumulating only pays where a larger batch does not fit.
        clip_norm: Largest norm of the whole gradient, above 0. None: it hides rates that are too
            high.
        schedule: Of the learning rate: "cosine" or "constant", either after the warm-up. Cosine: no
            milestones to choose.
        warmup_steps: Steps in which the rate rises linearly, from 0. None: 3 % of the run, since
            Adam's first steps have no statistics yet.
        final_lr_factor: Where the cosine ends, as a share of the peak in [0, 1]. 0.01: the last
            epoch still learns.
        ema_decay: Of a moving average of the weights, in (0, 1), used for evaluation; it rises to
            this value during the first steps. None: it costs memory of one more model.
        on_nan: What a loss that is no finite number does: "stop" raises NonFiniteLoss with the
            batch's samples, found at the next log line or save; "skip" leaves out steps whose
            gradient is not finite, and costs one wait for the GPU each; "ignore" goes on. Stop:
            nothing that is trained afterwards is of use.
        device: "auto" takes this rank's GPU when there is one, else the CPU; or as `torch.device`.
        precision: "bf16", "fp16" (with a gradient scaler), "fp32", or "auto": bf16 where the
            device computes in it, else fp16 on a GPU and fp32 on a CPU; on a CPU also for models
            without 2-D convolutions in channels_last and linear layers of 512 x 512 or more, whose
            steps bf16 makes longer.
        tf32: Rounds float32 products to 10 bits of mantissa on GPUs that have TF32; about as exact
            as bf16 training can tell, and several times faster.
        cudnn_benchmark: Lets cuDNN try its convolutions; pays after few batches of one shape. Turn
            it off when every batch has another size.
        channels_last: Keeps images as (B, H, W, C) in memory, which convolutions on tensor cores
            want. "auto": for models with 2-D convolutions.
        find_unused_parameters: Lets a step leave some parameters without a gradient when several
            processes train. Off: looking for them costs a walk over the graph each step.
        compile: Compiles the model with `torch.compile`. Off: the first batches take minutes, and
            not every model compiles.
        log_interval: Steps between two log lines, from 1. The CPU waits for the GPU only there, so
            50 costs nothing and still shows a stall within seconds.
        eval_interval: 500, "500 steps", "2 epochs" or None; the last step is evaluated as well.
        eval_scales: Image scales, each above 0, over which a segmentation model's predictions are
            averaged in evaluation. Only 1: each scale costs a pass of its own.
        checkpoint_interval: As `eval_interval`. One epoch: a save takes a second or so.
        keep_last: Newest checkpoints to keep, from 1; the best is kept besides. 3: one may be
            damaged, and disks are finite.
        monitor: Evaluation result that says which checkpoint is the best and when to stop. "loss":
            the only one that every run has.
        monitor_mode: "min", "max", or "auto": min for losses and errors, max for the others.
        patience: Evaluations without an improvement after which the run stops, from 1. None: never.
        min_delta: What counts as an improvement, from 0, in the metric's own unit.
    """

    epochs: int = 10
    max_steps: int | None = None
    accumulate: int = 1
    clip_norm: float | None = None
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_steps: int | None = None
    final_lr_factor: float = 0.01
    ema_decay: float | None = None
    on_nan: Literal["stop", "skip", "ignore"] = "stop"

    device: str = "auto"
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    tf32: bool = True
    cudnn_benchmark: bool = True
    channels_last: bool | Literal["auto"] = "auto"
    find_unused_parameters: bool = False
    compile: bool = False

    log_interval: int = 50
    eval_interval: int | str | None = "1 epoch"
    eval_scales: tuple[float, ...] = (1.0,)
    checkpoint_interval: int | str | None = "1 epoch"
    keep_last: int = 3
    monitor: str = "loss"
    monitor_mode: Literal["auto", "min", "max"] = "auto"
    patience: int | None = None
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        for name in ("epochs", "accumulate", "log_interval", "keep_last"):
            _whole(name, getattr(self, name), least=1)
        for name, least in (("max_steps", 1), ("patience", 1), ("warmup_steps", 0)):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name), least=least)
        if self.clip_norm is not None:
            _number("clip_norm", self.clip_norm, above=0)
        if self.ema_decay is not None:
            _number("ema_decay", self.ema_decay, above=0, below=1)
        _number("final_lr_factor", self.final_lr_factor, least=0, most=1)
        _number("min_delta", self.min_delta, least=0)
        _choice("schedule", self.schedule, ("cosine", "constant"))
        _choice("on_nan", self.on_nan, ("stop", "skip", "ignore"))
        _choice("precision", self.precision, ("auto", "bf16", "fp16", "fp32"))
        _choice("monitor_mode", self.monitor_mode, ("auto", "min", "max"))
        for name in ("tf32", "cudnn_benchmark", "find_unused_parameters", "compile"):
            _choice(name, getattr(self, name), (True, False))
        _choice("channels_last", self.channels_last, (True, False, "auto"))
        parse_interval(self.eval_interval, name="eval_interval")
        parse_interval(self.checkpoint_interval, name="checkpoint_interval")
        if not self.eval_scales:
            raise UsageError("eval_scales is empty; expected scales such as (0.75, 1.0, 1.25)")
        for scale in self.eval_scales:
            _number("eval_scales", scale, above=0)


def from_given(kind: type[_Settings], given: _Settings | Mapping[str, Any] | None) -> _Settings:
    """Settings as they are, from a dict of some of them, or all defaults for None.

    Raises:
        UsageError: A key is no setting, or a value none of its values.
    """
    if isinstance(given, kind):
        return given
    if given is not None and not isinstance(given, Mapping):
        raise UsageError(f"settings are {type(given).__name__}; expected {kind.__name__} or a dict")
    names = [entry.name for entry in fields(kind)]
    for key in given or {}:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1, cutoff=0.0)[0]
            raise UsageError(f"{kind.__name__} has no setting {key!r}; did you mean {near!r}?")
    return kind(**(given or {}))


def _whole(name: str, value: Any, *, least: int) -> None:
    if type(value) is not int or value < least:
        raise UsageError(f"{name}={value!r}; expected a whole number from {least}")


def _choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    # 1 equals True, but is nothing that a user means by it.
    if not any(value is choice or (value == choice and value != 1) for choice in choices):
        raise UsageError(f"{name}={value!r}; expected {', '.join(map(repr, choices))}")


def _number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> None:
    bounds = {"from": least, "above": above, "up to": most, "below": below}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if (
        not is_number
        or not abs(value) < float("inf")
        or (least is not None and value < least)
        or (above is not None and value <= above)
        or (most is not None and value > most)
        or (below is not None and value >= below)
    ):
        said = " and ".join(
            f"{word} {bound}" for word, bound in bounds.items() if bound is not None
        )
        raise UsageError(f"{name}={value!r}; expected a number {said}")

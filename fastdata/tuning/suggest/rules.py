"""Which settings of a config a machine would want otherwise, and why."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastdata.config import DataConfig, RunConfig
from fastdata.hardware import Machine, Ranks
from fastdata.training import TrainConfig
from fastdata.tuning.suggest.gpus import Gpu

__all__ = ["Change", "Setting", "changes"]

# Images of 224 x 224 in a batch that keeps a GPU of this memory busy with a network of ResNet-50's
# size in half precision, with room to spare; --auto-batch measures it.
_BATCHES = ((8, 32), (12, 48), (16, 64), (24, 128), (40, 192), (math.inf, 256))
_PIXELS = 224 * 224
_LEAST_BATCH = 8

# A log line waits for the GPU; a shorter distance than this shows in the rate.
_LOG_STEPS = 50
# Evaluating, or saving, after fewer steps takes more time than training.
_STEPS_BETWEEN = 100
# Compiling takes minutes, which shorter runs do not win back.
_COMPILE_STEPS = 2000


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a config will run.

    Attributes:
        machine: Its cores and memory.
        ranks: Who shares them.
        gpu: Its GPU, or None.
        samples: In the training pack, or None when that is not known.
    """

    machine: Machine
    ranks: Ranks
    gpu: Gpu | None
    samples: int | None


@dataclass(frozen=True)
class Change:
    """One setting that should be another.

    Attributes:
        key: Such as "training.precision".
        old: What it is, in the file or by default.
        new: What it should be.
        reason: Why.
    """

    key: str
    old: Any
    new: Any
    reason: str


def changes(config: RunConfig, setting: Setting) -> tuple[Change, ...]:
    """What to change, in the order of the sections; nothing for a config that is fine.

    Applied to a config with its own changes, it finds none.
    """
    first = [*_loading(config.data, setting), *_batch(config.data, setting)]
    # A larger batch makes epochs of fewer steps, and those decide what follows.
    update = {change.key.removeprefix("data."): change.new for change in first}
    config = config.model_copy(update={"data": config.data.model_copy(update=update)})
    return (*first, *_arithmetic(config.training, setting), *_intervals(config, setting))


def _loading(data: DataConfig, setting: Setting) -> Iterator[Change]:
    share = max(1, setting.machine.cores // setting.ranks.local_world)
    workers = data.num_workers
    if workers != "auto" and not 0 < workers <= share:
        why = "loads in the training process" if workers == 0 else "is more than the cores"
        yield Change(
            "data.num_workers", workers, "auto", f"{workers} {why}; here it becomes {share}"
        )
    if data.prefetch_factor == 1:
        yield Change("data.prefetch_factor", 1, 2, "one batch ready while the next is being made")


def _batch(data: DataConfig, setting: Setting) -> Iterator[Change]:
    gpu, now = setting.gpu, data.batch_size
    if gpu is None:
        return
    room = next(batch for memory, batch in _BATCHES if gpu.memory_gib <= memory)
    wanted = int(room * _PIXELS / max(_pixels(data), 1))
    # More than eight batches an epoch, or each would be most of the data.
    if setting.samples is not None:
        wanted = min(wanted, setting.samples // setting.ranks.world // 8)
    wanted = min(1024, max(_LEAST_BATCH, wanted // 8 * 8))
    if now < wanted:
        why = f"keeps {gpu.memory_gib} GiB busier; try a higher lr, and --auto-batch to measure"
        yield Change("data.batch_size", now, wanted, why)
    elif gpu.has_tensor_cores and now > 8 and now % 8:
        yield Change("data.batch_size", now, now // 8 * 8, "tensor cores want multiples of 8")


def _pixels(data: DataConfig) -> int:
    """Pixels of an image after the transforms, as far as they tell."""
    pixels = _PIXELS
    for entry in data.transforms:
        given = next(iter(entry.values())) if isinstance(entry, dict) else None
        size = given.get("size") if isinstance(given, dict) else given
        if isinstance(size, int) and size > 0:
            pixels = size * size
        elif isinstance(size, list | tuple) and len(size) == 2:
            pixels = math.prod(size)
    return pixels


def _arithmetic(training: TrainConfig, setting: Setting) -> Iterator[Change]:
    gpu, precision = setting.gpu, training.precision
    if gpu is None:
        if precision == "fp16":
            yield Change("training.precision", precision, "auto", "CPUs do not compute in fp16")
        if training.compile:
            yield Change("training.compile", True, False, "without a GPU compiling gains little")
        return
    if gpu.has_bf16 and precision in ("fp32", "fp16"):
        why = "as fast as fp16 without a scaler" if precision == "fp16" else "needs no scaler"
        yield Change("training.precision", precision, "bf16", f"{gpu.name} computes in it; {why}")
    elif not gpu.has_bf16 and gpu.has_tensor_cores and precision in ("fp32", "bf16"):
        why = f"{gpu.name} has tensor cores for it, and no bf16"
        yield Change("training.precision", precision, "fp16", why)
    if gpu.has_bf16 and not training.tf32:
        why = f"{gpu.name} multiplies float32 several times faster in it"
        yield Change("training.tf32", False, True, why)
    if training.channels_last is False:
        yield Change("training.channels_last", False, "auto", "what convolutions on GPUs want")
    if not training.cudnn_benchmark:
        yield Change("training.cudnn_benchmark", False, True, "batches have one size")


def _intervals(config: RunConfig, setting: Setting) -> Iterator[Change]:
    training = config.training
    steps = _steps_of_epoch(config, setting)
    if setting.gpu is not None and training.log_interval < _LOG_STEPS:
        why = "each log line waits for the GPU"
        yield Change("training.log_interval", training.log_interval, _LOG_STEPS, why)
    if steps is None:
        return
    wanted = math.ceil(_STEPS_BETWEEN / steps)
    if 1 < wanted <= training.epochs // 2:
        why = f"an epoch has only {steps} steps"
        for name in ("eval_interval", "checkpoint_interval"):
            if getattr(training, name) == "1 epoch":
                yield Change(f"training.{name}", "1 epoch", f"{wanted} epochs", why)
    gpu, is_long = setting.gpu, steps * training.epochs >= _COMPILE_STEPS
    if gpu is not None and gpu.has_tensor_cores and is_long and not training.compile:
        why = f"{steps * training.epochs} steps win back the minutes that it takes"
        yield Change("training.compile", False, True, why)


def _steps_of_epoch(config: RunConfig, setting: Setting) -> int | None:
    if setting.samples is None:
        return None
    each = config.data.batch_size * config.training.accumulate * setting.ranks.world
    return max(1, math.ceil(setting.samples / each))

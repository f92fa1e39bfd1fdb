"""One trial: real steps at one batch size, timed, with the memory they take."""

from __future__ import annotations

import math
import time
import traceback
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch.optim import Optimizer

from fastdata.timing import Clock
from fastdata.training.placement import Placed
from fastdata.training.stepping import StepFunction, as_result
from fastdata.tuning.memory import MemoryMeter
from fastdata.tuning.oom import is_out_of_memory
from fastdata.tuning.records import Trial
from fastdata.tuning.sampling import MakeBatch

__all__ = ["Trainee", "run_trial"]

# The first step makes the optimizer's state and lets libraries choose their algorithms.
_WARMUP_STEPS = 2
# The fastest of many short blocks is what the machine can do when nothing else disturbs it. One
# wait for the device a block, as a training loop has one a log line.
_BLOCK_SECONDS = 0.02
_LEAST_BLOCKS = 3
_LEAST_SECONDS = 0.5
_MOST_STEPS = 50


@dataclass(frozen=True, kw_only=True)
class Trainee:
    """What is trained: a model on its device, as a Trainer would step it.

    Attributes:
        where: The model, in training mode.
        step: As of a Trainer.
        optimizer: Over the model's parameters.
    """

    where: Placed
    step: StepFunction
    optimizer: Optimizer

    def run(self, batch: Any, scaler: torch.amp.GradScaler) -> None:
        """Forward, backward and update."""
        with self.where.precision.autocast():
            loss = as_result(self.step(self.where.callable, batch)).loss
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.step(self.optimizer)
        scaler.update()
        # Kept, not freed: that is what they are while batches accumulate, and the most they take.
        self.optimizer.zero_grad(set_to_none=False)

    def clear(self) -> None:
        """Lets go of gradients and of the optimizer's state."""
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer.state.clear()


def run_trial(
    trainee: Trainee,
    make: MakeBatch,
    size: int,
    *,
    meter: MemoryMeter,
    target_bytes: int,
    clock: Clock = time.perf_counter,
) -> Trial:
    """Trains a few steps with batches of `size`, and says what they cost.

    Args:
        trainee: What is trained; without gradients and optimizer state afterwards.
        make: Makes the batch, which every step gets.
        size: Samples.
        meter: Measures the memory.
        target_bytes: What the peak may reach.
        clock: Where the time is read.

    Raises:
        Exception: Whatever the model raises that does not say that memory ran out.
    """
    seconds = 0.0
    try:
        with meter:
            seconds = _seconds_a_step(trainee, make(size), clock)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        # The frames hold the tensors that were made until then.
        traceback.clear_frames(error.__traceback__)
        return Trial(batch_size=size, verdict="out of memory", peak_bytes=meter.peak_bytes)
    finally:
        trainee.clear()
    verdict: Literal["fits", "over target", "allocator retried"] = "fits"
    if meter.retried:
        verdict = "allocator retried"
    elif meter.peak_bytes > target_bytes:
        verdict = "over target"
    return Trial(batch_size=size, verdict=verdict, seconds=seconds, peak_bytes=meter.peak_bytes)


def _seconds_a_step(trainee: Trainee, batch: Any, clock: Clock) -> float:
    scaler = trainee.where.precision.scaler()
    placed = trainee.where.move(batch)

    def block(steps: int) -> float:
        start = clock()
        for _ in range(steps):
            trainee.run(placed, scaler)
        _synchronize(trainee.where.device)
        return (clock() - start) / steps

    warm = min(block(1) for _ in range(_WARMUP_STEPS))
    steps = math.ceil(_BLOCK_SECONDS / max(warm, _BLOCK_SECONDS / _MOST_STEPS))
    start, taken = clock(), [block(steps)]
    while len(taken) < _LEAST_BLOCKS or clock() - start < _LEAST_SECONDS:
        taken.append(block(steps))
    return min(taken)


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

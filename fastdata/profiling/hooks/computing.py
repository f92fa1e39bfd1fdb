"""Sees a training thread run a model forward and backward, step an optimizer and copy tensors."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

import torch
from torch.compiler import is_dynamo_compiling
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from fastdata.profiling.clocks.step import BACKWARD, COPY, FORWARD, WAIT
from fastdata.profiling.hooks.patches import put_around
from fastdata.profiling.recorders.recorder import Recorder, current

__all__ = ["install_computing"]


def install_computing(undo: ExitStack) -> None:
    """Watches all modules, autograd, all optimizers and gradient scalers, and copies."""
    put_around(torch.nn.Module, "__call__", _around_call, undo=undo)
    put_around(torch.autograd, "backward", _around_backward, undo=undo)
    put_around(torch.autograd, "grad", _around_backward, undo=undo)
    put_around(torch.amp.GradScaler, "step", _around_scaler, undo=undo)
    for name in ("to", "cuda", "pin_memory"):
        put_around(torch.Tensor, name, _around_copy, undo=undo)
    put_around(torch.cuda.Stream, "wait_stream", _around_wait_stream, undo=undo)
    undo.callback(register_optimizer_step_pre_hook(_before_step).remove)
    undo.callback(register_optimizer_step_post_hook(_after_step).remove)


class _Here(threading.local):
    """Whether this thread is inside a forward or backward that is timed as one."""

    is_inside = False


_here = _Here()


def _around_call(original: Any) -> Any:
    # Models have hundreds of modules, and all but the outermost call come through here for nothing.
    # Where nobody else has replaced the method, one call is saved by doing what it does.
    is_torchs = original is torch.nn.Module._wrapped_call_impl

    # What torch.compile traces must not see a clock; it takes the first way for granted.
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if is_dynamo_compiling():
            return original(self, *args, **kwargs)
        if _here.is_inside:
            if is_torchs and self._compiled_call_impl is None:
                return self._call_impl(*args, **kwargs)
            return original(self, *args, **kwargs)
        recorder = current()
        if recorder is None or not (ledger := recorder.thread().ledger).enter(FORWARD):
            return original(self, *args, **kwargs)
        _here.is_inside = True
        ledger.see_forward(with_grad=torch.is_grad_enabled())
        try:
            return original(self, *args, **kwargs)
        finally:
            _here.is_inside = False
            ledger.leave()

    return call


def _around_backward(original: Any) -> Any:
    def backward(*args: Any, **kwargs: Any) -> Any:
        if is_dynamo_compiling() or _here.is_inside or (recorder := current()) is None:
            return original(*args, **kwargs)
        ledger = recorder.thread().ledger
        if not ledger.enter(BACKWARD):
            return original(*args, **kwargs)
        _here.is_inside = True
        ledger.see_backward()
        try:
            return original(*args, **kwargs)
        finally:
            _here.is_inside = False
            ledger.leave()

    return backward


def _around_copy(original: Any) -> Any:
    def copy(self: Any, *args: Any, **kwargs: Any) -> Any:
        if is_dynamo_compiling() or (recorder := current()) is None or _is_cast(args, kwargs):
            return original(self, *args, **kwargs)
        if _here.is_inside or not (ledger := recorder.thread().ledger).enter(COPY):
            result = original(self, *args, **kwargs)
        else:
            try:
                result = original(self, *args, **kwargs)
            finally:
                ledger.leave()
        if result.is_cuda and not self.is_cuda:
            _note_stream(result.get_device(), recorder)
        return result

    return copy


def _note_stream(device: int, recorder: Recorder) -> None:
    handle = torch.cuda.current_stream(device).cuda_stream
    if handle:  # the default stream's is 0
        recorder.copy_streams.add(handle)


def _around_wait_stream(original: Any) -> Any:
    """The training's stream waits for one on which data were copied: for data, then."""

    def wait_stream(self: Any, stream: Any) -> None:
        recorder = current()
        if recorder is None or stream.cuda_stream not in recorder.copy_streams:
            original(self, stream)
            return
        ledger = recorder.thread().ledger
        opened = ledger.trains_on(self) and ledger.enter(WAIT)
        original(self, stream)
        if opened:
            ledger.leave()

    return wait_stream


def _is_cast(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether ``Tensor.to`` is asked for another type only."""
    return "device" not in kwargs and bool(args or kwargs) and _is_dtype(*args, *kwargs.values())


def _is_dtype(first: Any, *_: Any) -> bool:
    return isinstance(first, torch.dtype)


def _around_scaler(original: Any) -> Any:
    def step(self: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = current()
        if recorder is None:
            return original(self, optimizer, *args, **kwargs)
        thread = recorder.thread()
        thread.begin_optimizer(optimizer, is_scaler=True)
        try:
            return original(self, optimizer, *args, **kwargs)
        finally:
            # Also where the gradients overflowed, and the optimizer was not called at all.
            thread.end_optimizer(optimizer, is_scaler=True)

    return step


def _before_step(optimizer: Any, args: Any, kwargs: Any) -> None:  # noqa: ARG001
    if not is_dynamo_compiling() and (recorder := current()) is not None:
        recorder.thread().begin_optimizer(optimizer)


def _after_step(optimizer: Any, args: Any, kwargs: Any) -> None:  # noqa: ARG001
    if not is_dynamo_compiling() and (recorder := current()) is not None:
        recorder.thread().end_optimizer(optimizer)

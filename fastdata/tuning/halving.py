"""A decorator that starts a function again with half the batch when memory runs out."""

from __future__ import annotations

import functools
import gc
import inspect
import logging
import sys
import traceback
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from fastdata.errors import UsageError, WorkerError
from fastdata.hardware import read_ranks
from fastdata.tuning.oom import is_out_of_memory

__all__ = ["halve_on_oom"]

_log = logging.getLogger("fastdata.tuning")

Result = TypeVar("Result")


def halve_on_oom(
    *, start: int, smallest: int = 1
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Calls a function with ``batch_size=start``, and with half of it each time memory runs out.

    ::

        @fastdata.halve_on_oom(start=256)
        def train(path, *, batch_size, accumulate):
            ...                      # 256 and 1, then 128 and 2, then 64 and 4, ...

        train("photos.lmdb")

    A function that takes `accumulate` is told how many batches make up the first size, so that the
    global batch, and with it the learning rate, stays what it was. The size that worked is where
    the next call begins. Whatever the function made must be its own: it is called from the start.

    Args:
        start: First size, from 1.
        smallest: Size below which it gives up, from 1.

    Raises:
        UsageError: The function takes no `batch_size`, or the sizes are none.
        WorkerError: Memory ran out at the smallest size (when the function is called).
    """
    _check_sizes(start, smallest)

    def decorate(function: Callable[..., Result]) -> Callable[..., Result]:
        takes_accumulate = "accumulate" in _checked_parameters(function)
        size = start

        @functools.wraps(function)
        def repeated(*args: Any, **options: Any) -> Result:
            nonlocal size
            while True:
                given = {"batch_size": size}
                if takes_accumulate:
                    given["accumulate"] = -(-start // size)
                try:
                    return function(*args, **given, **options)
                except (RuntimeError, MemoryError) as error:
                    _give_up_or_clear(error, size, smallest)
                # Outside of the handler, where nothing refers to the frames any more.
                gc.collect()
                _empty_gpu_caches()
                _log.warning(
                    "out of memory at a batch of %d; starting %s again with %d",
                    size,
                    function.__name__,
                    size // 2,
                )
                size //= 2

        return repeated

    return decorate


def _check_sizes(start: int, smallest: int) -> None:
    for name, value in (("start", start), ("smallest", smallest)):
        if type(value) is not int or value < 1:
            raise UsageError(f"{name}={value!r}; expected a whole number from 1")
    if smallest > start:
        raise UsageError(f"smallest={smallest} is above start={start}; nothing could be tried")


def _checked_parameters(function: Callable[..., Any]) -> Collection[str]:
    """Names of the parameters of a function that can be called with a batch size."""
    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    if "batch_size" not in parameters and not takes_any:
        raise UsageError(
            f"{function.__name__}() takes no batch_size; halve_on_oom passes it as a keyword"
        )
    return parameters


def _give_up_or_clear(error: Exception, size: int, smallest: int) -> None:
    """Raises what cannot be helped; else lets go of what the failed call held."""
    if not is_out_of_memory(error):
        raise error
    if read_ranks().world > 1:
        error.add_note(
            "halve_on_oom does not start one rank again while the others wait for it; choose the "
            "size before, by fastdata.find_batch_size"
        )
        raise error
    if size // 2 < smallest:
        raise WorkerError(
            f"memory ran out at a batch of {size}, and half of it is below the smallest size "
            f"({smallest}); use a smaller model or image, or a device with more memory"
        ) from error
    # Tensors live on in the frames of the traceback, which a debugger or a log may keep.
    traceback.clear_frames(error.__traceback__)


def _empty_gpu_caches() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()

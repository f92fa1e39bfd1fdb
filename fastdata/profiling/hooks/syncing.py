"""Sees a script make the CPU wait for the GPU: values read back, and copies that cannot be queued.

A GPU is seen by where tensors lie, and never asked for, since asking would start CUDA in a process
that may not want it. What waits inside of compiled code, such as indexing by a mask, stays unseen.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack
from typing import Any

import torch
from torch.compiler import is_compiling

from fastdata.profiling.clocks.syncs import SyncCensus
from fastdata.profiling.hooks.patches import Around, put_around

__all__ = ["INNER", "count_syncs", "install_syncing", "uses_gpu"]

# Each of these gives the CPU a value, or a size, that only the GPU knows.
_READING = ("item", "tolist", "nonzero", "__bool__", "__float__", "__int__", "__index__", "unique")
_COPYING = ("to", "cpu", "cuda")
INNER = tuple(
    os.path.dirname(path) + os.sep for path in (os.path.dirname(__file__), torch.__file__)
)
"""Where code lies that is never the place of a wait itself: the profiler's, and torch's."""

_inside = threading.local()


def count_syncs(undo: ExitStack) -> SyncCensus | None:
    """Counts from now on; None where this torch knows no GPU."""
    if torch.version.cuda is None and torch.version.hip is None:
        return None
    census = SyncCensus(INNER)
    install_syncing(census, undo)
    return census


def uses_gpu() -> bool:
    """Whether this process has begun to compute on a GPU."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def install_syncing(census: SyncCensus, undo: ExitStack, *, device: str = "cuda") -> None:
    """Counts what waits for the GPU.

    Args:
        census: Told of each wait.
        undo: Takes the hooks away when it is closed.
        device: Type of the devices that are waited for.
    """
    for name in _READING:
        around = _reading(f"Tensor.{name}", census, device)
        put_around(torch.Tensor, name, around, undo=undo)
    for name in _COPYING:
        put_around(torch.Tensor, name, _copying(f"Tensor.{name}", census, device), undo=undo)
    put_around(torch, "nonzero", _reading("torch.nonzero", census, device), undo=undo)
    put_around(torch.cuda, "synchronize", _waiting("cuda.synchronize", census), undo=undo)


def _reading(call: str, census: SyncCensus, device: str) -> Around:
    def around(original: Any) -> Any:
        def read(*args: Any, **kwargs: Any) -> Any:
            tensor = args[0] if args else kwargs.get("input")
            if is_compiling() or _is_inside() or not _is_on(tensor, device):
                return original(*args, **kwargs)
            return _counted(call, census, original, *args, **kwargs)

        return read

    return around


def _copying(call: str, census: SyncCensus, device: str) -> Around:
    def around(original: Any) -> Any:
        def copy(self: Any, *args: Any, **kwargs: Any) -> Any:
            if is_compiling() or _is_inside():
                return original(self, *args, **kwargs)
            start = time.perf_counter()
            result = original(self, *args, **kwargs)
            seconds = time.perf_counter() - start
            was_there, is_there = _is_on(self, device), _is_on(result, device)
            if is_there and not was_there and not self.is_pinned():
                census.add(f"{call} from pageable memory", seconds)
            elif was_there and not is_there and not _is_queued(args, kwargs):
                census.add(f"{call} to the CPU", seconds)
            return result

        return copy

    return around


def _waiting(call: str, census: SyncCensus) -> Around:
    def around(original: Any) -> Any:
        def wait(*args: Any, **kwargs: Any) -> Any:
            return _counted(call, census, original, *args, **kwargs)

        return wait

    return around


def _counted(call: str, census: SyncCensus, original: Any, *args: Any, **kwargs: Any) -> Any:
    start = time.perf_counter()
    _inside.yes = True
    try:
        return original(*args, **kwargs)
    finally:
        _inside.yes = False
        census.add(call, time.perf_counter() - start)


def _is_on(value: Any, device: str) -> bool:
    return isinstance(value, torch.Tensor) and value.device.type == device


def _is_inside() -> bool:
    return getattr(_inside, "yes", False)


def _is_queued(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a copy was asked for with ``non_blocking``, which also comes by position."""
    return bool(kwargs.get("non_blocking")) or True in args

"""Memory for batches: used again when nothing refers to it any more, never before.

A batch of 128 float images of 224x224 takes 77 MB. The system hands such memory out page by page,
at the first touch of each: 25 ms of a core a batch (torch.empty; 12 ms with NumPy's huge pages),
which memory that has been touched before does not cost.
"""

from __future__ import annotations

import contextlib
import math
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray

__all__ = ["Allocate", "BatchBuffers", "Resources", "new", "pinned"]

Allocate = Callable[[tuple[int, ...], DTypeLike], torch.Tensor]
"""A shape and a NumPy type to a tensor of unknown content that nothing else refers to."""

# Smaller memory is used again by malloc itself, without new pages (measured at 2 MB).
_LARGE_BYTES: Final = 4 << 20


def new(shape: tuple[int, ...], dtype: DTypeLike) -> torch.Tensor:
    """Memory that is given back to the system, or to malloc."""
    return torch.from_numpy(np.empty(shape, dtype))


def pinned(shape: tuple[int, ...], dtype: DTypeLike) -> torch.Tensor:
    """Memory that a GPU copies from by itself.

    torch's own allocator uses it again, and not before the copies are done that were started from
    it: that no reference is left does not mean that the GPU has read it.
    """
    kind = torch.from_numpy(np.empty(0, dtype)).dtype
    return torch.empty(shape, dtype=kind, pin_memory=True)


class Resources(NamedTuple):
    """What a batch is made with; it does not depend on them.

    Attributes:
        threads: Threads that share the work.
        allocate: Gives memory for large results.
    """

    threads: int = 1
    allocate: Allocate = new


class BatchBuffers:
    """Large tensors whose memory is used again for later ones.

    A tensor's memory comes back when its storage goes: not while the tensor, a view of it, an array
    of ``tensor.numpy()``, what DLPack has handed out, or the graph of autograd refers to it. Memory
    that comes back after this object has gone is freed. Like every tensor made of an array, these
    cannot be resized.

    Safe across threads, and memory may come back on any of them.

    Args:
        keep: Unused tensors' memory to keep at most.
    """

    def __init__(self, keep: int) -> None:
        # The last used comes first, being in the cache; the first used makes room for a new one.
        # There is no lock, since memory may come back in a garbage collection inside `empty`; each
        # operation of a deque is whole by itself.
        self._unused: deque[NDArray[np.uint8]] = deque(maxlen=keep)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> torch.Tensor:
        """A tensor of unknown content; see `Allocate`."""
        nbytes = math.prod(shape) * np.dtype(dtype).itemsize
        if nbytes < _LARGE_BYTES:
            return new(shape, dtype)
        block = self._take(nbytes)
        # The tensor holds this view, and NumPy cannot look through the tensor to the block below.
        view = block.view(dtype).reshape(shape)
        back = weakref.finalize(view, _give_back, weakref.ref(self._unused), block)
        back.atexit = False
        return torch.from_numpy(view)

    def _take(self, nbytes: int) -> NDArray[np.uint8]:
        # Another thread may have taken the last one.
        with contextlib.suppress(IndexError):
            for _ in range(len(self._unused)):
                block = self._unused.pop()
                if block.nbytes == nbytes:
                    return block
                self._unused.appendleft(block)
        return np.empty(nbytes, np.uint8)


def _give_back(unused: Callable[[], Any], block: NDArray[np.uint8]) -> None:
    found = unused()
    if found is not None:
        found.append(block)

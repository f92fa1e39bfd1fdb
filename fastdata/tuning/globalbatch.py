"""One batch size for all ranks, and a global batch kept by accumulation."""

from __future__ import annotations

import torch
from torch import distributed

from fastdata.errors import UsageError

__all__ = ["agreed", "divide", "share_of_rank"]


def share_of_rank(global_batch: int, world: int) -> int:
    """Samples of a step that one of `world` processes sees.

    Raises:
        UsageError: They cannot be shared out evenly.
    """
    if type(global_batch) is not int or global_batch < 1:
        raise UsageError(f"global_batch={global_batch!r}; expected a whole number from 1")
    if global_batch % world:
        raise UsageError(
            f"global_batch={global_batch} cannot be shared by {world} ranks; choose a multiple of "
            f"{world}, such as {world * max(1, round(global_batch / world))}"
        )
    return global_batch // world


def divide(share: int, most: int) -> tuple[int, int]:
    """The largest batch size up to `most` that divides `share`, and how many of them make it."""
    size = next(size for size in range(min(most, share), 0, -1) if share % size == 0)
    return size, share // size


def agreed(size: int, device: torch.device) -> int:
    """The smallest size of all ranks, so that none runs out of memory."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return size
    smallest = torch.tensor(size, device=device)
    distributed.all_reduce(smallest, distributed.ReduceOp.MIN)
    return int(smallest)

"""The processes that train together under torchrun, and what they tell each other."""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from fastdata.hardware import read_ranks

__all__ = ["Peers", "gathered", "local_rank", "wrapped"]


def local_rank() -> int:
    """This process's number on its machine, from torchrun; 0 for a single process."""
    return int(os.environ.get("LOCAL_RANK", "0")) if read_ranks().world > 1 else 0


class Peers:
    """Small numbers exchanged among all ranks over the CPU, so that no GPU is waited for.

    All ranks must call the same methods in the same order.

    Args:
        group: A gloo group of all ranks, or None for a single process.
    """

    def __init__(self, group: dist.ProcessGroup | None = None) -> None:
        self._group = group
        self.rank = dist.get_rank(group) if group is not None else 0
        self.world = dist.get_world_size(group) if group is not None else 1

    def sum(self, values: Sequence[float]) -> list[float]:
        """The sums over all ranks, in one call; exact for whole numbers below 2**53."""
        return self._reduced(values, dist.ReduceOp.SUM)

    def largest(self, value: float) -> float:
        """The largest value of all ranks."""
        return self._reduced([value], dist.ReduceOp.MAX)[0]

    def gather(self, data: bytes) -> list[bytes]:
        """The bytes of every rank, in the order of ranks."""
        if self._group is None:
            return [data]
        size = int(self.largest(len(data)))
        own = torch.zeros(8 + size, dtype=torch.uint8)
        packed = len(data).to_bytes(8, "little") + data
        own[: len(packed)] = torch.frombuffer(bytearray(packed), dtype=torch.uint8)
        found = [torch.empty_like(own) for _ in range(self.world)]
        dist.all_gather(found, own, group=self._group)
        blocks = [bytes(block.numpy()) for block in found]
        return [block[8 : 8 + int.from_bytes(block[:8], "little")] for block in blocks]

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Gives all ranks the first one's values of tensors on the device, in one call a dtype."""
        if self._group is None:
            return
        by_dtype: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            by_dtype.setdefault(tensor.dtype, []).append(tensor)
        for members in by_dtype.values():
            packed = torch.cat([tensor.reshape(-1) for tensor in members])
            dist.broadcast(packed, 0)
            parts = torch.split(packed, [tensor.numel() for tensor in members])
            for tensor, part in zip(members, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def _reduced(self, values: Sequence[float], operation: dist.ReduceOp.RedOpType) -> list[float]:
        if self._group is None:
            return list(values)
        packed = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(packed, op=operation, group=self._group)
        found: list[float] = packed.tolist()
        return found


@contextlib.contextmanager
def gathered(device: torch.device) -> Iterator[Peers]:
    """The ranks that torchrun started, connected; or this process alone.

    A process group that exists already is used, and left as it is. One that is made here lives as
    long as the process: torchrun's store would hand a second one the addresses of the first.
    """
    if read_ranks().world == 1:
        yield Peers()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(_leave)
    group = dist.new_group(backend="gloo")
    try:
        yield Peers(group)
    finally:
        dist.destroy_process_group(group)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def wrapped(
    model: nn.Module, peers: Peers, device: torch.device, *, find_unused_parameters: bool
) -> nn.Module:
    """The model as `DistributedDataParallel` where several ranks train it.

    Its buffers are the caller's to share. DDP would do so in a forward pass, which a rank without
    batches does not make when the others do, so that they would wait for each other for ever.
    """
    if peers.world == 1:
        return model
    devices = [device] if device.type == "cuda" else None
    return DistributedDataParallel(
        model,
        device_ids=devices,
        broadcast_buffers=False,
        find_unused_parameters=find_unused_parameters,
    )

"""One pass over a validation loader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from fastdata.errors import UsageError
from fastdata.training.feed import hold_epoch
from fastdata.training.metrics import Metrics
from fastdata.training.peers import Peers
from fastdata.training.placement import batch_size
from fastdata.training.precision import Precision
from fastdata.training.stepping import StepFunction, as_result

__all__ = ["evaluate"]


@torch.no_grad()
def evaluate(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    step: StepFunction,
    move: Callable[[Any], Any],
    device: torch.device,
    precision: Precision,
    metrics: Metrics,
    peers: Peers,
    between: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Mean loss over samples and the metrics, over the batches of all ranks.

    The device is waited for once, at the end, and ranks exchange everything in one call.

    Args:
        model: Not wrapped for several ranks, since these may have different numbers of batches.
        loader: Of this rank; it is held at epoch 0, so that every evaluation sees the same.
        step: What a batch is put through.
        move: Brings a batch to the device.
        device: Where the model is.
        precision: Of forward and loss.
        metrics: Reset here.
        peers: All ranks.
        between: Called after each batch; it may raise.

    Raises:
        UsageError: The loader gave no batch.
    """
    metrics.reset(device)
    losses: list[Tensor] = []
    counts: list[int] = []
    hold_epoch(loader, 0)
    for batch in loader:
        batch = move(batch)
        with precision.autocast():
            result = as_result(step(model, batch))
        losses.append(result.loss.reshape(()) * (count := result.samples or batch_size(batch)))
        counts.append(count)
        metrics.update(result)
        between()
    state = metrics.state()
    loss_sum = torch.stack(losses).double().sum() if losses else torch.zeros(()).double()
    # Class counts stay exact in float64, up to 2**53.
    packed = [loss_sum.view(1).to(device), *(part.double().view(-1) for part in state)]
    samples, total, *sums = peers.sum([sum(counts), *torch.cat(packed).tolist()])
    if not samples:
        raise UsageError("the validation loader gave no batch; give it samples, or leave it out")
    sizes = [part.numel() for part in state]
    summed = [
        torch.tensor(values, dtype=part.dtype).view(part.shape)
        for values, part in zip(_split(sums, sizes), state, strict=True)
    ]
    return {"loss": total / samples} | metrics.compute(summed)


def _split(values: list[float], sizes: list[int]) -> Iterable[list[float]]:
    start = 0
    for size in sizes:
        yield values[start : start + size]
        start += size

"""The gradient of several batches is that of one batch with all their samples."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_runs import GradientLog, batches, network, trainer
from torch import Tensor, nn

# Sums of a few dozen float32 numbers in another order differ in their last bits.
CLOSE = {"rtol": 1e-5, "atol": 1e-7}


def gradients(loader: Any, accumulate: int, **settings: Any) -> list[list[Tensor]]:
    model = network()
    log = GradientLog(model.parameters())
    trainer(
        model, nn.functional.cross_entropy, accumulate=accumulate, optimizer=log, **settings
    ).fit(loader)
    return log.gradients


def joined(sizes: list[list[int]]) -> list[tuple[Tensor, Tensor]]:
    """Batches that hold what each window of small batches holds."""
    flat = batches(*(size for window in sizes for size in window))
    taken, result = iter(flat), []
    for window in sizes:
        parts = [next(taken) for _ in window]
        result.append((torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])))
    return result


@pytest.mark.parametrize(
    "windows",
    [
        [[4, 4, 4], [4, 4, 4]],
        [[4, 4, 4], [4, 3]],  # the last step has fewer batches, and its last batch fewer samples
        [[5, 1, 9], [2]],
        [[1, 1, 30]],
    ],
)
@pytest.mark.parametrize("is_sized", [True, False])
def test_accumulated_gradients_equal_those_of_one_big_batch(
    windows: list[list[int]], is_sized: bool
) -> None:
    small = batches(*(size for window in windows for size in window))
    loader = small if is_sized else Unsized(small)
    found, expected = gradients(loader, accumulate=3), gradients(joined(windows), accumulate=1)
    assert len(found) == len(expected) == len(windows)
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, **CLOSE)


def test_the_gradient_that_is_clipped_is_the_whole_window_s() -> None:
    windows = [[3, 3, 3], [3, 2]]
    small = batches(*(size for window in windows for size in window))
    found = gradients(small, accumulate=3, clip_norm=0.01)
    for step in found:
        norm = torch.stack([gradient.norm() for gradient in step]).norm()
        torch.testing.assert_close(norm, torch.tensor(0.01), rtol=1e-3, atol=0)


def test_one_batch_a_step_is_the_loop_that_everybody_writes() -> None:
    """Bit for bit: no weighting is left over where nothing is accumulated."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    for x, y in batches(5, 5, 5, 2):
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()
    ours = network()
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.3)
    trainer(ours, nn.functional.cross_entropy, optimizer=optimizer).fit(batches(5, 5, 5, 2))
    for one, other in zip(ours.parameters(), model.parameters(), strict=True):
        assert torch.equal(one, other)


class Unsized:
    """An iterable that does not know how many batches it has."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __iter__(self) -> Any:
        return iter(self._items)

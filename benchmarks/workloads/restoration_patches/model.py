"""A small residual network that takes blur and noise out of patches, and its loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fastdata.training import StepResult

# Side of the patches that it is trained on, in pixels.
PATCH = 192
# Constant of the Charbonnier penalty: about one step of 8-bit values.
SOFTNESS = 4e-3


class RestorationNetwork(nn.Module):
    """Predicts what to add to a degraded picture; before training that is nothing.

    It works on blocks of 2x2 pixels as channels, which quarters the work and doubles what it sees.

    Args:
        width: Channels.
        depth: 3x3 convolutions between the first and the last.

    Source: K. Zhang et al., "Beyond a Gaussian Denoiser", IEEE Transactions on Image Processing 26,
    2017, for the residual; K. Zhang, W. Zuo and L. Zhang, "FFDNet", ibidem 27, 2018, for the
    blocks.
    """

    def __init__(self, width: int = 24, depth: int = 2) -> None:
        super().__init__()
        last = nn.Conv2d(width, 12, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.body = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, width, 3, padding=1),
            nn.ReLU(inplace=True),
            *(block(width) for _ in range(depth)),
            last,
            nn.PixelShuffle(2),
        )

    def forward(self, degraded: Tensor) -> Tensor:
        """Restored pictures of degraded ones (B, 3, H, W), values 0..1; H and W are even."""
        return degraded + self.body(degraded - 0.5)


def block(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


def perceptual(restored: Tensor, clean: Tensor) -> Tensor:
    """How much the edges differ at three scales: a perceptual term that needs no trained network.

    Args:
        restored: (B, 3, H, W).
        clean: Likewise.
    """
    total = restored.new_zeros(())
    for _ in range(3):
        for dim in (2, 3):
            total = total + functional.l1_loss(restored.diff(dim=dim), clean.diff(dim=dim))
        restored, clean = functional.avg_pool2d(restored, 2), functional.avg_pool2d(clean, 2)
    return total / 6


def loss(restored: Tensor, clean: Tensor, *, perceptual_weight: float = 0.0) -> Tensor:
    """Charbonnier's smooth absolute difference, with the perceptual term where it weighs anything.

    Args:
        restored: (B, 3, H, W).
        clean: Likewise.
        perceptual_weight: Of `perceptual`; 0 leaves it out.

    Source: P. Charbonnier et al., "Two deterministic half-quadratic regularization algorithms for
    computed imaging", ICIP 1994.
    """
    restored = restored.float()
    total = torch.sqrt((restored - clean) ** 2 + SOFTNESS**2).mean()
    if perceptual_weight:
        total = total + perceptual_weight * perceptual(restored, clean)
    return total


def step(model: nn.Module, batch: Any, **weights: float) -> StepResult:
    """What `fastdata.Trainer` puts a batch of the pack through."""
    restored = model(batch.low)
    return StepResult(loss(restored, batch.high, **weights), restored.float(), batch.high)

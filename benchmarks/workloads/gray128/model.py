"""A small residual network for grayscale pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GrayNet(nn.Module):
    """Three residual stages.

    Args:
        classes: Number of classes.
        width: Channels of the first stage; the others have two and four times as many.
    """

    def __init__(self, classes: int, *, width: int = 16) -> None:
        super().__init__()
        self.stem = convolution(1, width, stride=2)
        self.stages = nn.Sequential(
            Residual(width, width), Residual(width, 2 * width), Residual(2 * width, 4 * width)
        )
        self.head = nn.Linear(4 * width, classes)

    def forward(self, image: Tensor) -> Tensor:
        """Scores (B, classes) of images (B, 1, H, W), float32 in [0, 1]."""
        seen = self.stages(self.stem(image))
        return self.head(seen.mean(dim=(2, 3)))


class Residual(nn.Module):
    """Two convolutions beside a shortcut, at half the resolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(inputs, outputs, stride=2),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=2, bias=False)

    def forward(self, seen: Tensor) -> Tensor:
        """Maps (B, inputs, H, W) to (B, outputs, H/2, W/2)."""
        return torch.relu(self.body(seen) + self.shortcut(seen))


def convolution(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    """A 3x3 convolution, normalised, and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )

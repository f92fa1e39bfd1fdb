"""ResNet-50 as torchvision defines it (v1.5), so that a figure depends on no version of that.

25,557,032 parameters for 1,000 classes. Weights are random: only speed is measured with them.
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["Bottleneck", "ResNet50"]

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
"""Width and number of blocks of each stage."""
EXPANSION = 4


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a shortcut; the 3x3 has the stride.

    Source: He et al., "Deep Residual Learning for Image Recognition", 2016, figure 5; the stride's
    place is that of NVIDIA's version 1.5.
    """

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = width * EXPANSION
        self.layers = nn.Sequential(
            *_normed(channels, width, 1),
            nn.ReLU(inplace=True),
            *_normed(width, width, 3, stride),
            nn.ReLU(inplace=True),
            *_normed(width, out, 1),
        )
        is_same = stride == 1 and channels == out
        shortcut = () if is_same else _normed(channels, out, 1, stride)
        self.shortcut = nn.Sequential(*shortcut)
        self.last = nn.ReLU(inplace=True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (B, C, H, W) to (B, 4 * width, H / stride, W / stride)."""
        return self.last(self.layers(images) + self.shortcut(images))


class ResNet50(nn.Sequential):
    """Images (B, 3, 224, 224) to logits (B, `classes`)."""

    def __init__(self, classes: int = 1000) -> None:
        layers = [*_normed(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
        channels = 64
        for width, blocks in STAGES:
            for at in range(blocks):
                stride = 2 if at == 0 and width > 64 else 1
                layers.append(Bottleneck(channels, width, stride))
                channels = width * EXPANSION
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
        super().__init__(*layers)


def _normed(channels: int, out: int, side: int, stride: int = 1) -> tuple[nn.Module, ...]:
    """A convolution and its batch normalisation."""
    conv = nn.Conv2d(channels, out, side, stride, padding=side // 2, bias=False)
    return conv, nn.BatchNorm2d(out)

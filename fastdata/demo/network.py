"""A small network that names a picture's land and each pixel's part, and its loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["SmallNetwork", "demo_loss"]

# Weight of a pixel on a class boundary and how many pixels it reaches; see `demo_loss`.
BOUNDARY_WEIGHT = 4.0
BOUNDARY_REACH = 5.0


class SmallNetwork(nn.Module):
    """A few strided convolutions, one head for the picture and one for its pixels.

    It is small on purpose: on a GPU too, computing takes far less time than decoding on a CPU.

    Args:
        lands: Classes of a picture.
        parts: Classes of a pixel.
    """

    def __init__(self, *, lands: int, parts: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_block(3, 24, 4), *_block(24, 48, 2), *_block(48, 64, 1))
        self.pixels = nn.Conv2d(64, parts, 1)
        self.picture = nn.Sequential(
            *_block(64, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, lands)
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of an image batch (B, 3, H, W) float32.

        Returns:
            Scores of the pictures (B, lands) and of the pixels (B, parts, H, W).
        """
        seen = self.body(image)
        pixels = functional.interpolate(
            self.pixels(seen), size=image.shape[-2:], mode="bilinear", align_corners=False
        )
        return self.picture(seen), pixels


def _block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


def demo_loss(
    scores: tuple[Tensor, Tensor], land: Tensor, mask: Tensor, distance: Tensor
) -> Tensor:
    """Cross entropy of picture and pixels, where pixels near a class boundary weigh more.

    Args:
        scores: What the network returned.
        land: (B,) int64.
        mask: (B, H, W) class ids.
        distance: (B, H, W) float32, distance to the nearest class boundary in pixels.

    Source: O. Ronneberger, P. Fischer and T. Brox, "U-Net", MICCAI 2015, equation 2.
    """
    picture, pixels = scores
    weight = 1 + BOUNDARY_WEIGHT * torch.exp(-(distance**2) / (2 * BOUNDARY_REACH**2))
    per_pixel = functional.cross_entropy(pixels, mask.long(), reduction="none")
    return functional.cross_entropy(picture, land) + (weight * per_pixel).sum() / weight.sum()

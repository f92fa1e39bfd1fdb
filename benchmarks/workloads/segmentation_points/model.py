"""An encoder-decoder with point-wise refinement, and a loss that looks at class boundaries.

Points are (x, y) in 0..1 of the picture's width and height, (B, N, 2).

Source of the refinement: A. Kirillov, Y. Wu, K. He and R. Girshick, "PointRend: Image Segmentation
as Rendering", CVPR 2020, sections 3.1 to 3.3.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fastdata.training import StepResult

CLASSES = 11
UNNAMED = 11
# Side of the crops that it is trained on, in pixels.
CROP = 256
MEAN, STD = (0.41, 0.42, 0.43), (0.3, 0.3, 0.3)

# A pixel on a class boundary weighs 1 + BOUNDARY_WEIGHT; REACH pixels away, 0.6 of that is added.
BOUNDARY_WEIGHT = 4.0
BOUNDARY_REACH = 5.0

# Of the points of a training step, section 3.3: how many times as many are drawn as are kept, and
# which share of those kept are the least sure ones; the rest lie anywhere.
OVERSAMPLING = 3
IMPORTANT_SHARE = 0.75


class Scores(NamedTuple):
    """What the network says.

    Attributes:
        pixels: Refined (B, K, H, W) in evaluation, coarse (B, K, H / 4, W / 4) in training.
        points: Where training looked more closely, (B, N, 2); None in evaluation.
        at_points: Scores there, (B, K, N); None in evaluation.
    """

    pixels: Tensor
    points: Tensor | None = None
    at_points: Tensor | None = None


class PointNetwork(nn.Module):
    """Sees at a half, a quarter, an eighth and a sixteenth, and predicts at a quarter.

    Args:
        classes: K.
        width: Channels at a half of the size.
        train_points: Points of a picture that a training step looks at.
        eval_points: Points that each of the two steps of refinement corrects.
    """

    def __init__(
        self,
        classes: int = CLASSES,
        width: int = 16,
        train_points: int = 1024,
        eval_points: int = 4096,
    ) -> None:
        super().__init__()
        self.train_points, self.eval_points = train_points, eval_points
        self.stem = block(3, width, 2)
        self.quarter = block(width, 2 * width, 2)
        self.eighth = nn.Sequential(block(2 * width, 4 * width, 2), block(4 * width, 4 * width, 1))
        self.sixteenth = nn.Sequential(
            block(4 * width, 6 * width, 2), block(6 * width, 4 * width, 1)
        )
        self.joined = block(4 * width, 2 * width, 1)
        self.coarse = nn.Conv2d(2 * width, classes, 1)
        self.head = PointHead(classes=classes, fine=width)

    def forward(self, image: Tensor) -> Scores:
        """Scores of pictures (B, 3, H, W) float32, normalised; H and W are multiples of 4."""
        fine = self.stem(image)
        quarter = self.quarter(fine)
        eighth = self.eighth(quarter)
        eighth = eighth + enlarged(self.sixteenth(eighth), eighth)
        coarse = self.coarse(quarter + enlarged(self.joined(eighth), quarter))
        if not self.training:
            return Scores(refined(self.head, fine, coarse, size=4, count=self.eval_points))
        points = training_points(coarse, self.train_points)
        return Scores(coarse, points, self.head(fine, coarse, points))


def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def enlarged(values: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(
        values, size=like.shape[-2:], mode="bilinear", align_corners=False
    )


class PointHead(nn.Module):
    """Scores of single points, from the fine features there and the coarse scores.

    Args:
        classes: K.
        fine: Channels of the fine features.
        width: Of the two hidden layers.
    """

    def __init__(self, *, classes: int, fine: int, width: int = 48) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(fine + classes, width, 1),
            nn.ReLU(inplace=True),
            nn.Conv1d(width, width, 1),
            nn.ReLU(inplace=True),
            nn.Conv1d(width, classes, 1),
        )

    def forward(self, fine: Tensor, coarse: Tensor, points: Tensor) -> Tensor:
        """Scores (B, K, N) from features (B, C, h, w) and coarse scores (B, K, h', w')."""
        at_points = [sample(fine, points), sample(coarse, points)]
        return self.layers(torch.cat(at_points, dim=1))


def sample(values: Tensor, points: Tensor, *, mode: str = "bilinear") -> Tensor:
    """Values (B, C, h, w) at points: (B, C, N) float32."""
    # A point in bfloat16 would lie a pixel beside its place.
    grid = (2 * points.float() - 1).unsqueeze(2)
    return functional.grid_sample(values.float(), grid, mode=mode, align_corners=False).squeeze(3)


def uncertainty(scores: Tensor) -> Tensor:
    """How little the best class leads: minus the difference of the two highest scores.

    Args:
        scores: (B, K, ...).

    Returns:
        (B, ...), at most 0, which is where two classes are as likely.
    """
    best, second = scores.topk(2, dim=1).values.unbind(dim=1)
    return second - best


def training_points(coarse: Tensor, count: int) -> Tensor:
    """Random points (B, count, 2), most of them where the coarse scores (B, K, h, w) are unsure."""
    drawn = torch.rand(len(coarse), OVERSAMPLING * count, 2, device=coarse.device)
    unsure = uncertainty(sample(coarse.detach().float(), drawn))
    important = round(IMPORTANT_SHARE * count)
    chosen = unsure.topk(important, dim=1).indices
    kept = drawn.gather(1, chosen.unsqueeze(2).expand(-1, -1, 2))
    anywhere = torch.rand(len(coarse), count - important, 2, device=coarse.device)
    return torch.cat([kept, anywhere], dim=1)


def refined(head: PointHead, fine: Tensor, coarse: Tensor, *, size: int, count: int) -> Tensor:
    """Coarse scores enlarged step by step, each time corrected at the least sure points.

    Args:
        head: Scores the points.
        fine: Features (B, C, h, w).
        coarse: Scores (B, K, h', w').
        size: How many times larger the result is, a power of two.
        count: Points a step.

    Returns:
        (B, K, size * h', size * w').
    """
    scores = coarse
    while size > 1:
        scores = functional.interpolate(
            scores, scale_factor=2, mode="bilinear", align_corners=False
        )
        size //= 2
        height, width = scores.shape[-2:]
        flat = scores.flatten(2)
        places = uncertainty(flat).topk(min(count, height * width), dim=1).indices
        row, column = places // width, places % width
        points = torch.stack([(column + 0.5) / width, (row + 0.5) / height], dim=2)
        better = head(fine, coarse, points).to(flat.dtype)
        flat = flat.scatter(2, places.unsqueeze(1).expand_as(better), better)
        scores = flat.view(scores.shape)
    return scores


def loss(scores: Scores, mask: Tensor, boundary: Tensor) -> Tensor:
    """Cross entropy of the pixels, and in training of the points, weighted near class boundaries.

    Args:
        scores: Of the network.
        mask: Class ids (B, H, W) int64; `UNNAMED` ones count for nothing.
        boundary: Distance of every pixel to the nearest class boundary, (B, H, W) float32, pixels.
    """
    weight = boundary_weight(boundary)
    # The middle one of the pixels that a coarse one stands for.
    stride = mask.shape[-1] // scores.pixels.shape[-1]
    middle = (slice(None), slice(stride // 2, None, stride), slice(stride // 2, None, stride))
    total = weighted(scores.pixels, mask[middle], weight[middle])
    if scores.points is None or scores.at_points is None:
        return total
    both = torch.stack([mask.to(weight.dtype), weight], dim=1)
    ids, weights = sample(both, scores.points, mode="nearest").unbind(dim=1)
    return total + weighted(scores.at_points, ids.long(), weights)


def boundary_weight(distance: Tensor) -> Tensor:
    """1 far from a boundary, `BOUNDARY_WEIGHT` more on it.

    Source: O. Ronneberger, P. Fischer and T. Brox, "U-Net", MICCAI 2015, equation 2.
    """
    return 1 + BOUNDARY_WEIGHT * torch.exp(-(distance**2) / (2 * BOUNDARY_REACH**2))


def weighted(scores: Tensor, ids: Tensor, weight: Tensor) -> Tensor:
    """Mean cross entropy of scores (B, K, ...) with weights (B, ...)."""
    each = functional.cross_entropy(scores.float(), ids, ignore_index=UNNAMED, reduction="none")
    weight = weight * (ids != UNNAMED)
    return (each * weight).sum() / weight.sum().clamp(min=1)


def step(model: nn.Module, batch: Any) -> StepResult:
    """What `fastdata.Trainer` puts a batch of the pack through."""
    scores, mask = model(batch.image), batch.mask.long()
    return StepResult(loss(scores, mask, batch.boundary), scores.pixels, mask)

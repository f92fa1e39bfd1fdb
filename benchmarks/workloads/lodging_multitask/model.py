"""One network with three heads: where a crop leans, how far, and which pixels."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn import functional

# Side of the picture that the network sees, in pixels.
SIZE = 192
POSITIONS = 9
MEAN, STD = (0.35, 0.4, 0.2), (0.2, 0.2, 0.2)


class Answers(NamedTuple):
    """What the network says of B pictures, and in the same fields what is true.

    Attributes:
        position: Scores (B, 9) float; true: class ids (B,) int64.
        severity: 0..1, (B,) float.
        mask: Scores (B, 2, H, W) float; true: class ids (B, H, W) int64.
    """

    position: Tensor
    severity: Tensor
    mask: Tensor


class LodgingNetwork(nn.Module):
    """A trunk of strided convolutions that three heads share."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            block(3, width, 2),
            block(width, 2 * width, 2),
            block(2 * width, 2 * width, 1),
            block(2 * width, 4 * width, 2),
            block(4 * width, 4 * width, 1),
        )
        self.mask = nn.Conv2d(4 * width, 2, 1)
        # Where it leans is a question of place: the map is kept, only made small.
        self.position = nn.Sequential(
            nn.AdaptiveAvgPool2d(6), nn.Flatten(), nn.Linear(4 * width * 36, POSITIONS)
        )
        self.severity = nn.Sequential(
            nn.Linear(4 * width, width), nn.ReLU(inplace=True), nn.Linear(width, 1)
        )

    def forward(self, image: Tensor) -> Answers:
        """Answers for pictures (B, 3, H, W) float32, normalised."""
        seen = self.trunk(image)
        mask = self.mask(seen)
        # How far it leans is read where it leans.
        where = mask.detach().softmax(dim=1)[:, 1:]
        there = (seen * where).sum(dim=(2, 3)) / (where.sum(dim=(2, 3)) + 1)
        return Answers(
            position=self.position(seen),
            severity=self.severity(there).squeeze(1).sigmoid(),
            mask=functional.interpolate(
                mask, size=image.shape[-2:], mode="bilinear", align_corners=False
            ),
        )


def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def loss(answers: Answers, true: Answers, *, severity_weight: float = 4.0) -> Tensor:
    """The sum of the three tasks' losses, a scalar.

    Args:
        answers: Of the network.
        true: What they should have been.
        severity_weight: Brings the absolute error, at most 1, to the size of the cross entropies.
    """
    return (
        functional.cross_entropy(answers.position, true.position)
        + severity_weight * functional.l1_loss(answers.severity.float(), true.severity)
        + functional.cross_entropy(answers.mask, true.mask)
    )


def step(model: nn.Module, batch: Any, **weights: float) -> tuple[Tensor, Answers, Answers]:
    """What `fastdata.Trainer` puts a batch of the pack through."""
    answers = model(batch.image)
    true = Answers(batch.position, batch.severity.float(), batch.mask.long())
    return loss(answers, true, **weights), answers, true

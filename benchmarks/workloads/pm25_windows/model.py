"""A one-dimensional CNN that predicts how far a value moves from where it is."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WindowNet(nn.Module):
    """Convolutions over time, and a head that sees all of what is left of it.

    Args:
        features: Columns of a window.
        length: Rows of a window.
        value: Column of the value to predict.
        classes: Column of class codes, which become one column a class.
        class_count: Number of classes.
        width: Channels of the first convolution; the next ones have twice as many.
    """

    def __init__(
        self,
        *,
        features: int = 10,
        length: int = 24,
        value: int = 2,
        classes: int = 6,
        class_count: int = 4,
        width: int = 32,
    ) -> None:
        super().__init__()
        self.value, self.classes, self.class_count = value, classes, class_count
        inputs = features + class_count
        # Columns come in their own units: hours, hectopascals, micrograms.
        self.scale = nn.BatchNorm1d(inputs, affine=False)
        self.body = nn.Sequential(
            *convolution(inputs, width, stride=1),
            *convolution(width, 2 * width, stride=2),
            *convolution(2 * width, 2 * width, stride=2),
            nn.Flatten(),
            nn.Dropout(0.2),
        )
        self.head = nn.Linear(2 * width * (length // 4), 1)
        # Before anything is learned, the value stays as it is.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, window: Tensor) -> Tensor:
        """Values (B,) some hours after the windows (B, length, features), float32."""
        codes = window[..., self.classes].long().clamp(0, self.class_count - 1)
        columns = torch.cat((window, nn.functional.one_hot(codes, self.class_count)), dim=2)
        change = self.head(self.body(self.scale(columns.transpose(1, 2))))[:, 0]
        spread = self.scale.running_var[self.value].sqrt()
        return window[:, -1, self.value] + spread * change.float()


def convolution(inputs: int, outputs: int, *, stride: int) -> tuple[nn.Module, ...]:
    """A convolution over five hours, normalised, and ReLU."""
    return (
        nn.Conv1d(inputs, outputs, 5, stride=stride, padding=2, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(inplace=True),
    )

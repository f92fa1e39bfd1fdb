"""ResNet-50 in bfloat16, as it is usually trained: channels last, SGD with momentum.

Without a GPU it is float32: many CPUs take twenty times as long for bfloat16.
"""

from __future__ import annotations

import torch
from resnet50 import ResNet50

__all__ = ["Training"]


class Training:
    """A network and its optimizer.

    Args:
        device: "cuda" or "cpu".
    """

    def __init__(self, device: str) -> None:
        torch.backends.cudnn.benchmark = True
        self._device = device
        self._model = ResNet50().to(device, memory_format=torch.channels_last)
        self._optimizer = torch.optim.SGD(
            self._model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4
        )

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """One update; nothing of it waits for the GPU."""
        images = images.contiguous(memory_format=torch.channels_last)
        is_gpu = self._device == "cuda"
        images = images if is_gpu else images.float()
        with torch.autocast(self._device, dtype=torch.bfloat16, enabled=is_gpu):
            loss = torch.nn.functional.cross_entropy(self._model(images), labels)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()

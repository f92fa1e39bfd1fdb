"""torch's DataLoader over OpenCV, from LMDB.

    python torch_opencv.py --data DIR

Chosen for speed: OpenCV's own threads are off in workers (they would fight for the cores), it
decodes straight to RGB, and resizes by INTER_LINEAR, which does not filter when it makes smaller:
less work than Pillow's bilinear, and other pixels. The rest is as in torch_pillow.py.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from crops import flip, random_resized_box
from measuring import BATCH, SIZE, arguments, measure
from sources import LmdbBytes, endless_batches


class Photos(LmdbBytes):
    """Random crops of the images."""

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image: Any = cv2.imdecode(np.frombuffer(self.record(index), np.uint8), cv2.IMREAD_COLOR_RGB)
        left, top, width, height = random_resized_box(image.shape[1], image.shape[0])
        image = cv2.resize(image[top : top + height, left : left + width], (SIZE, SIZE))
        return torch.from_numpy(cv2.flip(image, 1) if flip() else image), self.label(index)


def without_threads(_worker: int) -> None:
    """A worker uses one core."""
    cv2.setNumThreads(0)


def main() -> None:
    options = arguments(__doc__)
    dataset = Photos(options.data / "photos" / "plain.lmdb")
    measure(
        endless_batches(dataset, BATCH, options.threads, worker_init_fn=without_threads),
        options,
        image=lambda batch: batch[0].permute(0, 3, 1, 2),
        packages=("torch", "opencv-python-headless"),
        settings=f"{options.threads} workers, prefetch_factor=2, INTER_LINEAR",
    )


if __name__ == "__main__":
    main()

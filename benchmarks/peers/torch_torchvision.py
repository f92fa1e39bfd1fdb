"""torch's DataLoader over torchvision: `decode_jpeg` and transforms v2 on tensors, from LMDB.

    python torch_torchvision.py --data DIR

The strongest loader on the CPU that torch's own documentation describes. Chosen for speed: tensors
instead of Pillow images, uint8 all the way, which takes torch's vectorised antialiased resize, and
the channels-last strides that `decode_jpeg` gives. The rest is as in torch_pillow.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from measuring import BATCH, SIZE, arguments, measure
from sources import LmdbBytes, endless_batches
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2

TRANSFORMS = {
    "random": v2.Compose([v2.RandomResizedCrop(SIZE), v2.RandomHorizontalFlip()]),
    "centre": v2.Compose([v2.Resize(256), v2.CenterCrop(SIZE)]),
}


class Photos(LmdbBytes):
    """Crops of the images."""

    def __init__(self, path: Any, crop: str) -> None:
        super().__init__(path)
        self.transform = TRANSFORMS[crop]

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        # A copy of the bytes, because torch warns of memory that it could not write to.
        record = torch.from_numpy(np.array(self.record(index), copy=True, dtype=np.uint8))
        image = self.transform(decode_jpeg(record, ImageReadMode.RGB))
        return image, self.label(index)


def more(parser: Any) -> None:
    parser.add_argument("--crop", choices=tuple(TRANSFORMS), default="random")


def main() -> None:
    options = arguments(__doc__, more=more)
    dataset = Photos(options.data / "photos" / "plain.lmdb", options.crop)
    measure(
        endless_batches(dataset, BATCH, options.threads),
        options,
        packages=("torch", "torchvision"),
        settings=f"{options.threads} workers, prefetch_factor=2, uint8 tensors, antialias",
    )


if __name__ == "__main__":
    main()

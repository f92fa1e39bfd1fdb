"""torch's DataLoader over Pillow, the way that most projects load images.

    python torch_pillow.py --data DIR --source files --crop random

Chosen for speed: as many workers as cores, kept between epochs; two batches ahead each, as is the
default; workers stack the batch, so that one tensor a batch crosses through shared memory; one
LMDB environment a worker, opened read-only, without lock and without read-ahead; pixels stay
(height, width, channel), which spares a transposed copy, and the batch is permuted. An endless
sampler spares it the pause between epochs. With Pillow-SIMD in place of Pillow the same file runs
unchanged, in an environment of its own.
"""

from __future__ import annotations

import io
from typing import Any

import torch
from crops import CROPS, SIZES, pixels
from folders import files_of
from measuring import BATCH, arguments, measure
from PIL import Image
from sources import LmdbBytes, endless_batches
from torch.utils.data import Dataset


class Files(Dataset[tuple[torch.Tensor, int]]):
    """Image files in class folders."""

    def __init__(self, folder: Any, crop: str) -> None:
        self.files, self.labels = files_of(folder)
        self.crop = CROPS[crop]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.files[index]) as image:
            return torch.from_numpy(pixels(self.crop(image.convert("RGB")))), self.labels[index]


class Lmdb(LmdbBytes):
    """The same images from LMDB."""

    def __init__(self, path: Any, crop: str) -> None:
        super().__init__(path)
        self.crop = CROPS[crop]

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with Image.open(io.BytesIO(self.record(index))) as image:
            return torch.from_numpy(pixels(self.crop(image.convert("RGB")))), self.label(index)


def more(parser: Any) -> None:
    parser.add_argument("--source", choices=("files", "lmdb"), default="files")
    parser.add_argument("--crop", choices=tuple(CROPS), default="random")
    parser.add_argument("--pillow", default="pillow", help="the package that is Pillow here")


def main() -> None:
    options = arguments(__doc__, more=more)
    kind = "mosaics" if options.crop == "patch" else "photos"
    path = options.data / kind
    dataset: Any = (
        Files(path / "files", options.crop)
        if options.source == "files"
        else Lmdb(path / "plain.lmdb", options.crop)
    )
    measure(
        endless_batches(dataset, BATCH, options.threads),
        options,
        image=lambda batch: batch[0].permute(0, 3, 1, 2),
        size=SIZES[options.crop],
        packages=("torch", options.pillow),
        settings=f"{options.threads} workers, prefetch_factor=2",
    )


if __name__ == "__main__":
    main()

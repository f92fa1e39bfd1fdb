"""MosaicML Streaming over Pillow, from shards on the disk.

    python streaming_pillow.py --data DIR

Chosen for speed: shards that are there already and not compressed, so that nothing is downloaded or
unpacked; bytes instead of the column type "jpeg", which would decode by Pillow just as well; as
many workers as cores, kept between epochs; the batch size told to the dataset, as it asks for.
"""

from __future__ import annotations

import io
from typing import Any

import torch
from crops import pixels, random_crop
from measuring import BATCH, arguments, endless, measure
from PIL import Image
from streaming import StreamingDataset
from torch.utils.data import DataLoader


class Photos(StreamingDataset):
    """Random crops of the images."""

    def __getitem__(self, index: Any) -> Any:
        sample = super().__getitem__(index)
        with Image.open(io.BytesIO(sample["image"])) as image:
            return torch.from_numpy(pixels(random_crop(image.convert("RGB")))), sample["label"]


def main() -> None:
    options = arguments(__doc__)
    dataset = Photos(local=str(options.data / "photos" / "mds"), shuffle=True, batch_size=BATCH)
    loader = DataLoader(
        dataset, BATCH, num_workers=options.threads, persistent_workers=True, drop_last=True
    )
    measure(
        endless(loader),
        options,
        image=lambda batch: batch[0].permute(0, 3, 1, 2),
        packages=("mosaicml-streaming", "torch", "pillow"),
        settings=f"{options.threads} workers, prefetch_factor=2, local shards",
    )


if __name__ == "__main__":
    main()

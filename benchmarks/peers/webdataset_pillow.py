"""WebDataset over Pillow, from tar shards.

    python webdataset_pillow.py --data DIR

Chosen for speed, as its documentation does: shards drawn for ever (`resampled=True`), so that there
are no epochs to wait for; batches made in the workers; as many workers as cores. Bytes are decoded
by this file's own function, which skips the search for a decoder by the name's ending.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch
import webdataset
from crops import pixels, random_crop
from measuring import BATCH, arguments, measure
from PIL import Image


def decode(sample: dict[str, Any]) -> tuple[Any, int]:
    """One random crop."""
    with Image.open(io.BytesIO(sample["jpg"])) as image:
        return pixels(random_crop(image.convert("RGB"))), int(sample["cls"])


def collate(samples: list[tuple[Any, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch, made where its samples are."""
    images, labels = zip(*samples, strict=True)
    return torch.from_numpy(np.stack(images)), torch.tensor(labels)


def main() -> None:
    options = arguments(__doc__)
    shards = sorted(map(str, (options.data / "photos" / "shards").glob("*.tar")))
    dataset = (
        webdataset.WebDataset(shards, resampled=True)
        .shuffle(500)
        .map(decode)
        .batched(BATCH, collation_fn=collate, partial=False)
    )
    loader = webdataset.WebLoader(dataset, batch_size=None, num_workers=options.threads)
    measure(
        iter(loader),
        options,
        image=lambda batch: batch[0].permute(0, 3, 1, 2),
        packages=("webdataset", "torch", "pillow"),
        settings=f"{options.threads} workers, batches made in them, resampled shards",
    )


if __name__ == "__main__":
    main()

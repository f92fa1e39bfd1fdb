"""torch's DataLoader over Pillow, normalised on the host, copied from pinned memory.

As many workers as cores, kept between epochs, which crop, resize and mirror by Pillow and normalise
by torch, so that half the bytes of float32 cross the queues and the bus; torch's pinning thread;
copies that do not wait. An endless sampler spares it the pause between epochs.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from crops import pixels, random_crop
from folders import files_of
from PIL import Image
from sources import Forever
from torch.utils.data import DataLoader, Dataset

from gpurows.job import MEAN, STD, Job, Stream

__all__ = ["make"]


class Normalised(Dataset[tuple[torch.Tensor, int]]):
    """Image files in class folders, as float16 (3, SIZE, SIZE)."""

    def __init__(self, job: Job) -> None:
        self.files, self.labels = files_of(job.files)
        self.mean, self.std = (torch.tensor(v).reshape(3, 1, 1) for v in (MEAN, STD))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.files[index]) as image:
            cropped = torch.from_numpy(pixels(random_crop(image.convert("RGB"))))
        values = cropped.permute(2, 0, 1).contiguous().float().div_(255)
        return values.sub_(self.mean).div_(self.std).half(), self.labels[index]


def make(job: Job) -> Stream:
    """The case's batches."""
    dataset = Normalised(job)
    loader = DataLoader(
        dataset,
        job.batch,
        sampler=Forever(len(dataset)),
        num_workers=job.threads,
        persistent_workers=True,
        pin_memory=job.device == "cuda",
    )
    settings = f"{job.threads} workers, prefetch_factor=2, pin_memory={loader.pin_memory}"
    return Stream(_moved(loader, job.device), settings, ("torch", "pillow"))


def _moved(
    loader: DataLoader[tuple[torch.Tensor, int]], device: str
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    for images, labels in loader:
        yield images.to(device, non_blocking=True), labels.to(device, non_blocking=True)

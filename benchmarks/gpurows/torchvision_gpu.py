"""torchvision's `decode_jpeg` on the GPU, then its crop and resize there, image by image.

Files are read by threads while the GPU works on the batch before, whole batches are decoded by one
call, since nvJPEG works on lists, and a batch is mirrored and normalised at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import torch
from crops import random_resized_box
from folders import files_of
from sources import Forever
from torchvision.io import ImageReadMode, decode_jpeg, read_file
from torchvision.transforms.v2 import functional

from gpurows.job import MEAN, SIZE, STD, Job, Stream

__all__ = ["make"]

AHEAD = 3
"""Batches whose files are being read."""


def make(job: Job) -> Stream:
    """The case's batches."""
    settings = f"{job.threads} threads read files of {AHEAD} batches ahead"
    return Stream(stream(job), settings, ("torch", "torchvision"))


def stream(job: Job) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless batches."""
    mean, std = (255 * torch.tensor(v, device=job.device).reshape(3, 1, 1) for v in (MEAN, STD))
    for files, labels in read(job):
        decoded = decode_jpeg(files, mode=ImageReadMode.RGB, device=job.device)
        images = torch.stack([crop(image) for image in decoded]).float()
        is_flipped = torch.rand(len(images), 1, 1, 1, device=job.device) < 0.5
        images = torch.where(is_flipped, images.flip(3), images)
        made = images.sub_(mean).div_(std).half()
        yield made, torch.tensor(labels, device=job.device)


def crop(image: torch.Tensor) -> torch.Tensor:
    """RandomResizedCrop of one image (3, H, W), antialiased as is torchvision's default."""
    height, width = image.shape[1:]
    left, top, wide, high = random_resized_box(width, height)
    return functional.resized_crop(image, top, left, high, wide, [SIZE, SIZE])


def read(job: Job) -> Iterator[tuple[list[torch.Tensor], list[int]]]:
    """The bytes of shuffled files, batch by batch."""
    files, labels = files_of(job.files)
    order = iter(Forever(len(files)))
    with ThreadPoolExecutor(job.threads) as pool:
        ahead: deque[tuple[list[int], list[object]]] = deque()
        while True:
            while len(ahead) <= AHEAD:
                chosen = list(islice(order, job.batch))
                ahead.append((chosen, [pool.submit(read_file, files[at]) for at in chosen]))
            chosen, reads = ahead.popleft()
            yield [done.result() for done in reads], [labels[at] for at in chosen]

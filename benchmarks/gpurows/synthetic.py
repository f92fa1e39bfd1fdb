"""One batch of noise that lies on the GPU: what the network reaches when it waits for no data."""

from __future__ import annotations

from itertools import repeat

import torch

from gpurows.job import SIZE, Job, Stream

__all__ = ["make"]


def make(job: Job) -> Stream:
    """The case's batches."""
    shape = (job.batch, 3, SIZE, SIZE)
    images = torch.randn(shape, device=job.device, dtype=torch.float16)
    labels = torch.zeros(job.batch, device=job.device, dtype=torch.int64)
    images = images.contiguous(memory_format=torch.channels_last)
    return Stream(repeat((images, labels)), "one batch again and again", ("torch",))

"""A DALI pipeline over files, written by hand as DALI's ImageNet example is.

Chosen for speed: the region alone is decoded (`image_random_crop`) by the mixed decoder; the resize
without antialiasing is DALI's own default; mirror, normalisation and float16 are one operator, and
channels stay last, as the network wants them; two batches ahead. How much of the work the GPU's own
JPEG engines get, where it has some, is measured first, since the best share differs among GPUs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
from nvidia.dali import fn, pipeline_def, types
from nvidia.dali.plugin.pytorch import DALIGenericIterator, LastBatchPolicy

from gpurows.job import MEAN, SIZE, STD, Job, Stream

__all__ = ["make"]

ENGINE_SHARES = (0.0, 0.65, 0.9)
"""0.9 is DALI's default, 0.65 that of NVIDIA's examples for A100."""
TRIED_BATCHES = 20


@pipeline_def
def pipeline(folder: str, device: str, engine_share: float) -> Any:
    """RandomResizedCrop, mirror, normalise."""
    is_gpu = device == "cuda"
    files, labels = fn.readers.file(file_root=folder, random_shuffle=True, name="photos")
    options = {"hw_decoder_load": engine_share} if is_gpu else {}
    images = fn.decoders.image_random_crop(
        files,
        device="mixed" if is_gpu else "cpu",
        output_type=types.RGB,
        random_area=(0.08, 1.0),
        random_aspect_ratio=(3 / 4, 4 / 3),
        num_attempts=10,
        **options,
    )
    images = fn.resize(images, size=(SIZE, SIZE), interp_type=types.INTERP_LINEAR, antialias=False)
    images = fn.crop_mirror_normalize(
        images,
        dtype=types.FLOAT16,
        output_layout="HWC",
        mean=[255 * value for value in MEAN],
        std=[255 * value for value in STD],
        mirror=fn.random.coin_flip(),
    )
    return images, labels.gpu() if is_gpu else labels


def make(job: Job) -> Stream:
    """The case's batches, with the quickest share for the GPU's JPEG engines."""
    share = quickest_share(job) if job.device == "cuda" else 0.0
    settings = f"num_threads={job.threads}, prefetch_queue_depth=2, hw_decoder_load={share:g}"
    return Stream(stream(job, share), settings, ("torch",))


def stream(job: Job, share: float) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless batches."""
    is_gpu = job.device == "cuda"
    made = pipeline(
        str(job.files),
        job.device,
        share,
        batch_size=job.batch,
        num_threads=job.threads,
        device_id=0 if is_gpu else None,
        prefetch_queue_depth=2,
        seed=0,
    )
    loader = DALIGenericIterator(
        made,
        ["image", "label"],
        reader_name="photos",
        auto_reset=True,
        last_batch_policy=LastBatchPolicy.DROP,
    )
    while True:
        for (batch,) in loader:
            yield batch["image"].permute(0, 3, 1, 2), batch["label"].squeeze(-1).long()


def quickest_share(job: Job) -> float:
    """Which of `ENGINE_SHARES` makes batches the fastest here."""
    return min(ENGINE_SHARES, key=lambda share: seconds_of(stream(job, share)))


def seconds_of(batches: Iterator[Any]) -> float:
    """Time for some batches, the first few left out."""
    for _ in range(TRIED_BATCHES // 4):
        next(batches)
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(TRIED_BATCHES):
        next(batches)
    torch.cuda.synchronize()
    return time.perf_counter() - start

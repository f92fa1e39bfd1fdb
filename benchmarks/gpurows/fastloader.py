"""FastLoader on a pack, by the `cpu` engine with device prefetch or by the `dali` engine.

It pays for the pauses between its epochs.
"""

from __future__ import annotations

from typing import Any

from measuring import endless

from fastdata import FastLoader
from fastdata import transforms as T  # noqa: N812
from gpurows.job import MEAN, SIZE, STD, Job, Stream

__all__ = ["loader_of", "make"]


def make(job: Job, engine: str) -> Stream:
    """The batches of an engine."""
    loader = loader_of(job, engine)
    chosen = ", ".join(f"{item.name}={item.value}" for item in loader.explain().settings)
    packages = ("fastdata", "torch")
    return Stream(((b.image, b.label) for b in endless(loader)), chosen, packages)


def loader_of(job: Job, engine: str) -> Any:
    """The loader that both measurements use."""
    return FastLoader(
        job.pack,
        job.batch,
        shuffle=True,
        drop_last=True,
        num_workers=job.threads,
        engine=engine,
        device=job.device,
        transforms=[
            T.RandomResizedCrop(SIZE),
            T.HorizontalFlip(),
            T.Normalize(MEAN, STD, dtype="float16"),
        ],
    )

"""Trains one network from files and from a pack, and splits each step into data and compute."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from fastdata.demo.naive import FileScenes
from fastdata.demo.network import SmallNetwork, demo_loss
from fastdata.demo.records import Run
from fastdata.demo.scenes import LANDS, PARTS, TRUNCATE
from fastdata.loader import FastLoader
from fastdata.packs import Pack, open_pack
from fastdata.schema import DistanceMap
from fastdata.timing import Clock
from fastdata.transforms import HorizontalFlip, Normalize, RandomResizedCrop, ToFloat

__all__ = ["run_files", "run_pack"]

CROP = 128
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

# Losses of single batches jump; the mean of a few at each end shows the trend.
LOSS_STEPS = 3

Inputs = tuple[Tensor, Tensor, Tensor, Tensor]


def run_files(
    table: Path,
    *,
    workers: int,
    steps: int,
    batch_size: int,
    seed: int,
    progress: Callable[[int, int], None],
) -> Run:
    """Trains from image files through torch's DataLoader.

    Args:
        table: CSV that `fastdata.demo.files.write_files` wrote.
        workers: Worker processes; 0 loads in the training process, as DataLoader does by default.
        steps: Timed steps, after one that is not.
        batch_size: Samples a step.
        seed: Of the network's weights and of the shuffling.
        progress: Called with the steps done and the steps in all.
    """
    dataset = FileScenes(table, lands=LANDS, size=CROP, truncate=TRUNCATE, mean=MEAN, std=STD)
    torch.manual_seed(seed)
    loader = DataLoader(
        dataset,
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    name = f"files, {workers} workers"
    return _train(name, loader, steps, batch_size=batch_size, seed=seed, progress=progress)


def run_pack(
    path: Path,
    *,
    steps: int,
    batch_size: int,
    seed: int,
    progress: Callable[[int, int], None],
) -> Run:
    """Trains from the pack that was made of the same table, through FastLoader.

    Args:
        path: The pack.
        steps: Timed steps, after one that is not.
        batch_size: Samples a step.
        seed: Of the network's weights and of the loader.
        progress: Called with the steps done and the steps in all.
    """
    with open_pack(path) as pack:
        loader = FastLoader(
            pack,
            batch_size,
            shuffle=True,
            drop_last=True,
            seed=seed,
            fields=["image", "mask", _distance_name(pack), "land"],
            transforms=[
                RandomResizedCrop(CROP),
                HorizontalFlip(),
                ToFloat(),
                Normalize(MEAN, STD),
            ],
        )
        name = "pack, FastLoader"
        return _train(name, loader, steps, batch_size=batch_size, seed=seed, progress=progress)


def _distance_name(pack: Pack) -> str:
    return next(name for name, field in pack.schema.items() if isinstance(field, DistanceMap))


def _endless(loader: Iterable[Any]) -> Iterator[Inputs]:
    while True:
        yield from loader


def _train(
    name: str,
    loader: Iterable[Any],
    steps: int,
    *,
    batch_size: int,
    seed: int,
    progress: Callable[[int, int], None],
    clock: Clock = time.perf_counter,
) -> Run:
    torch.manual_seed(seed)
    network = SmallNetwork(lands=len(LANDS), parts=len(PARTS))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    data_seconds: list[float] = []
    compute_seconds: list[float] = []
    losses: list[float] = []
    batches = _endless(loader)
    try:
        for step in range(steps + 1):
            start = clock()
            image, mask, distance, land = next(batches)
            loaded = clock()
            loss = demo_loss(network(image), land, mask, distance)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
            data_seconds.append(loaded - start)
            compute_seconds.append(clock() - loaded)
            progress(step, steps)
    finally:
        batches.close()  # type: ignore[attr-defined]
    return Run(
        name=name,
        steps=steps,
        batch_size=batch_size,
        first_seconds=data_seconds[0] + compute_seconds[0],
        data_seconds=statistics.fmean(data_seconds[1:]),
        compute_seconds=statistics.fmean(compute_seconds[1:]),
        loss_first=statistics.fmean(losses[:LOSS_STEPS]),
        loss_last=statistics.fmean(losses[-LOSS_STEPS:]),
    )

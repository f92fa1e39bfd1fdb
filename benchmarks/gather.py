"""How close whole-batch gathers come to NumPy's own, and how far ahead of a plain DataLoader.

    python benchmarks/gather.py         all cases, each in a process of its own, one JSON line each
    python benchmarks/gather.py gray    one case in this process

Cases: ``gray`` (raw 128x128 grayscale images) and ``windows`` (24x12 float windows with a scalar
target), batches of 128, shuffled. The contenders of a case take turns, and each one's median
counts: ratios within a line can be compared, figures of two lines cannot.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PillowImage
from torch.utils.data import DataLoader, Dataset, TensorDataset

from fastdata import FastLoader, Image, Label, Scalar, Schema, Window, create_pack
from fastdata.timing import measure_rate

BATCH = 128
ROUNDS = 5
SECONDS = 0.8

Contenders = dict[str, Callable[[], int]]


class PngFiles(Dataset[tuple[torch.Tensor, int]]):
    """What a 128x128 classifier's dataset looks like before it is packed."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with PillowImage.open(self.folder / f"{index}.png") as image:
            pixels = np.asarray(image.convert("L"))
        return torch.from_numpy(pixels.copy())[None], index % 10


def count_samples(loader: Any) -> int:
    """One epoch, every batch taken and dropped."""
    return sum(len(batch[0]) for batch in loader)


def gathers(arrays: list[np.ndarray[Any, Any]], count: int) -> Callable[[], int]:
    """The limit: NumPy gathers the same arrays in the same kind of order, and nothing else."""
    rng = np.random.default_rng(0)

    def epoch() -> int:
        order = rng.permutation(count)
        for start in range(0, count, BATCH):
            indices = order[start : start + BATCH]
            for array in arrays:
                np.take(array, indices, axis=0) if array.flags.c_contiguous else array[indices]
        return count

    return epoch


def gray(folder: Path) -> tuple[Contenders, Callable[[], int]]:
    """Raw 128x128 grayscale images."""
    count, files = 20_000, 2_000
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count, 128, 128, 1), dtype=np.uint8)
    labels = np.arange(count) % 10
    schema = Schema({"image": Image(codec="raw", channels=1, shape=(128, 128)), "label": Label()})
    with create_pack(folder / "gray.lmdb", schema) as writer:
        for image, label in zip(images, labels, strict=True):
            writer.add(image=image, label=label)
    smooth = np.cumsum(rng.integers(-2, 3, (files, 128, 128)), axis=2).astype(np.uint8)
    for index, picture in enumerate(smooth):
        PillowImage.fromarray(picture).save(folder / f"{index}.png")
    loader = FastLoader(folder / "gray.lmdb", BATCH, shuffle=True)
    png = DataLoader(PngFiles(folder, files), BATCH, shuffle=True, num_workers=2)
    return {
        "numpy": gathers([images, labels], count),
        "fastdata": lambda: count_samples(loader),
        "dataloader_png_2_workers": lambda: count_samples(png),
    }, lambda: count_samples(FastLoader(folder / "gray.lmdb", BATCH, shuffle=True))


def windows(folder: Path) -> tuple[Contenders, Callable[[], int]]:
    """24x12 float windows of a series as long as the Beijing PM2.5 set, with a scalar target."""
    series = np.random.default_rng(2).random((43_824, 12), dtype=np.float32)
    count = len(series) - 24
    schema = Schema(
        {"window": Window(length=24, features=tuple("abcdefghijkl")), "target": Scalar()}
    )
    with create_pack(folder / "windows.lmdb", schema) as writer:
        writer.set_series("window", series)
        for start in range(count):
            writer.add(window=start, target=series[start + 24, 0])
    view = np.lib.stride_tricks.sliding_window_view(series, 24, axis=0)[:count].transpose(0, 2, 1)
    targets = series[24:, 0].copy()
    tensors = TensorDataset(torch.from_numpy(view.copy()), torch.from_numpy(targets))
    loader = FastLoader(folder / "windows.lmdb", BATCH, shuffle=True)
    plain = DataLoader(tensors, BATCH, shuffle=True)
    return {
        "numpy": gathers([view, targets], count),
        "fastdata": lambda: count_samples(loader),
        "dataloader_tensordataset_0_workers": lambda: count_samples(plain),
    }, lambda: count_samples(FastLoader(folder / "windows.lmdb", BATCH, shuffle=True))


CASES = {"gray": gray, "windows": windows}


def measure(name: str) -> dict[str, Any]:
    """One case: samples a second of each contender, and fastdata's ratio to the others."""
    with tempfile.TemporaryDirectory() as folder:
        contenders, first_epoch = CASES[name](Path(folder))
        first = [measure_once(first_epoch) for _ in range(3)]
        rates: dict[str, list[float]] = {contender: [] for contender in contenders}
        for _ in range(ROUNDS):
            for contender, epoch in contenders.items():
                rates[contender].append(measure_rate(epoch, seconds=SECONDS).per_second)
    medians = {contender: statistics.median(values) for contender, values in rates.items()}
    ratios = {
        f"ratio_to_{contender}": round(medians["fastdata"] / value, 3)
        for contender, value in medians.items()
        if contender != "fastdata"
    }
    return {
        "case": name,
        "samples_per_second": {contender: round(value) for contender, value in medians.items()},
        "first_epoch_samples_per_second": round(statistics.median(first)),
        "torch_threads": torch.get_num_threads(),
        **ratios,
    }


def measure_once(epoch: Callable[[], int]) -> float:
    """Opening, checking every checksum, and one epoch."""
    import time

    start = time.perf_counter()
    return epoch() / (time.perf_counter() - start)


def main() -> int:
    """Run the cases named on the command line here, or all in processes of their own."""
    if sys.argv[1:]:
        for name in sys.argv[1:]:
            print(json.dumps(measure(name)), flush=True)
        return 0
    return max(subprocess.run([sys.executable, __file__, name]).returncode for name in CASES)


if __name__ == "__main__":
    raise SystemExit(main())

"""One training of `whatif_ledger.py` under the profiler, in this process; prints one JSON object.

python benchmarks/whatif_trained.py make DIR SAMPLES
python benchmarks/whatif_trained.py demo|photos DIR BATCH STEPS WORKERS
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from fastdata import Profiler
from fastdata.demo.files import write_files
from fastdata.demo.race import run_files
from fastdata.hardware import read_machine
from fastdata.profiling import Profile

WARMUP = 8
SIDE = 224


def main() -> None:
    kind, data, *numbers = sys.argv[1:]
    if kind == "make":
        (samples,) = map(int, numbers)
        threads = read_machine().cores
        write_files(Path(data), samples=samples, seed=0, threads=threads, progress=quiet)
        print("{}")
        return
    batch, steps, workers = map(int, numbers)
    train = {"demo": train_demo, "photos": train_photos}[kind]
    with Profiler(warmup=WARMUP) as profiler:
        train(Path(data), batch, WARMUP + steps, workers)
    print(json.dumps(told(profiler.report())))


def quiet(done: int, of: int) -> None:
    """Shows no progress."""


def told(profile: Profile) -> dict[str, object]:
    """What the ledger needs of it; seconds."""
    more = next((one for one in profile.what_if if "instead of" in one.name), None)
    return {
        "verdict": profile.verdict.kind,
        "command": profile.verdict.next_command,
        "now": profile.what_if[0].now_seconds if profile.what_if else None,
        "more_workers": None if more is None else vars(more.step_seconds),
    }


def train_demo(folder: Path, batch: int, steps: int, workers: int) -> None:
    """As `fastdata demo` trains from files."""
    table = folder / "labels.csv"
    run_files(table, workers=workers, steps=steps, batch_size=batch, seed=0, progress=quiet)


class Photos(Dataset[Tensor]):
    """JPEG files, decoded and resized by Pillow: (3, SIDE, SIDE) float32."""

    def __init__(self, folder: Path) -> None:
        kinds = {".jpg", ".jpeg"}
        self._paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in kinds)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self._paths[index]) as picture:
            small = picture.convert("RGB").resize((SIDE, SIDE))
        return torch.from_numpy(np.array(small)).permute(2, 0, 1).float()


def train_photos(folder: Path, batch: int, steps: int, workers: int) -> None:
    """A plain loop."""
    loader = DataLoader(
        Photos(folder),
        batch,
        shuffle=True,
        num_workers=workers,
        drop_last=True,
        persistent_workers=workers > 0,
    )
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(16, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4)
    epochs = itertools.chain.from_iterable(iter(loader) for _ in itertools.count())
    for image in itertools.islice(epochs, steps):
        loss = network(image).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()

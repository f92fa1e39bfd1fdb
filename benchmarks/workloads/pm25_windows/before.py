"""Before: a Dataset that cuts each window out of the CSV's rows, and a plain loop.

python -m workloads.pm25_windows.before
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from workloads.command import measure
from workloads.job import Job, Outcome
from workloads.measuring import Stopwatch
from workloads.pm25_windows.data import (
    FEATURES,
    HORIZON,
    JOB,
    TARGET,
    WINDOW,
    WINDS,
    make_files,
    trivial_error,
)
from workloads.pm25_windows.model import WindowNet

BATCH_SIZE = 32
VALUE = FEATURES.index(TARGET)


class Windows(Dataset):
    """All windows of a CSV file in which, and up to whose target, no value is missing."""

    def __init__(self, path: Path) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            self.rows = [[number(row[name]) for name in FEATURES] for row in csv.DictReader(file)]
        reach = WINDOW + HORIZON
        gaps = [math.isnan(row[VALUE]) for row in self.rows]
        self.starts = [
            start for start in range(len(gaps) - reach + 1) if not any(gaps[start : start + reach])
        ]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        start = self.starts[index]
        window = torch.tensor(self.rows[start : start + WINDOW])
        target = self.rows[start + WINDOW + HORIZON - 1][VALUE]
        return window, torch.tensor(target)


def number(cell: str) -> float:
    if cell in WINDS:
        return float(WINDS.index(cell))
    return math.nan if cell == "NA" else float(cell)


def train(job: Job) -> Outcome:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    train_set, val_set = (Windows(job.work / "files" / f"{name}.csv") for name in ("train", "val"))
    train_loader = DataLoader(train_set, BATCH_SIZE, shuffle=True)
    val_loader = DataLoader(val_set, BATCH_SIZE)
    model = WindowNet().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    watch = Stopwatch()
    for _ in range(job.epochs):
        model.train()
        for windows, targets in watch.epoch(train_loader):
            loss = nn.functional.l1_loss(model(windows.to(device)), targets.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watch.step(loss.item(), samples=len(windows))
        error = evaluate(model, val_loader, device)
    return watch.outcome(
        batch_size=BATCH_SIZE,
        metric="mae",
        value=error,
        trivial=trivial_of(train_set, val_set),
        is_lower_better=True,
        settings="fp32, 0 workers",
    )


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader, device: torch.device) -> float:
    model.eval()
    total = 0.0
    for windows, targets in loader:
        total += (model(windows.to(device)).cpu() - targets).abs().sum().item()
    return total / len(loader.dataset)


def trivial_of(train_set: Windows, val_set: Windows) -> float:
    targets = np.array([train_set[at][1] for at in range(len(train_set))])
    held_out = [val_set[at] for at in range(len(val_set))]
    windows = np.stack([window.numpy() for window, _ in held_out])
    return trivial_error(targets, windows, np.array([target for _, target in held_out]))


if __name__ == "__main__":
    measure(__doc__, JOB, make_files, train)

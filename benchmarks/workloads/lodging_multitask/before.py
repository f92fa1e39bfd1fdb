"""Before: a Dataset over the JPEG and PNG files, a DataLoader as it comes, and a plain loop.

python -m workloads.lodging_multitask.before
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from workloads.command import measure
from workloads.job import Job, Outcome
from workloads.lodging_multitask.data import JOB, judged, make_files, read_table
from workloads.lodging_multitask.model import MEAN, SIZE, STD, Answers, LodgingNetwork, loss
from workloads.measuring import Stopwatch

BATCH_SIZE = 8


class Survey(Dataset):
    """The pictures of a table, opened one by one, each with all that is known of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows = read_table(folder)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, Answers]:
        row = self.rows[index]
        with Image.open(self.folder / row["image"]) as image:
            pixels = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        with Image.open(self.folder / row["mask"]) as mask:
            ids = mask.resize((SIZE, SIZE), Image.Resampling.NEAREST)
        values = (np.asarray(pixels, np.float32) / 255 - MEAN) / STD
        true = Answers(
            torch.tensor(int(row["position"])),
            torch.tensor(float(row["severity"])),
            torch.from_numpy(np.array(ids, np.int64)),
        )
        return torch.from_numpy(values.transpose(2, 0, 1).astype(np.float32)), true


def train(job: Job) -> Outcome:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    train_loader = DataLoader(Survey(job.work / "files/train"), BATCH_SIZE, shuffle=True)
    val_loader = DataLoader(Survey(job.work / "files/val"), BATCH_SIZE)
    model = LodgingNetwork().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    watch = Stopwatch()
    for _ in range(job.epochs):
        model.train()
        for images, true in watch.epoch(train_loader):
            current = loss(model(images.to(device)), on(device, true))
            optimizer.zero_grad()
            current.backward()
            optimizer.step()
            watch.step(current.item(), samples=len(images))
        metrics = evaluate(model, val_loader, device)
    return watch.outcome(
        batch_size=BATCH_SIZE,
        **judged(metrics, job.work / "files/val"),
        settings="fp32, 0 workers",
    )


def on(device: torch.device, true: Answers) -> Answers:
    return Answers(*(part.to(device) for part in true))


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader, device: torch.device) -> dict[str, float]:
    model.eval()
    right, error, both, either = 0, 0.0, torch.zeros(2), torch.zeros(2)
    for images, true in loader:
        answers, true = model(images.to(device)), on(device, true)
        right += (answers.position.argmax(1) == true.position).sum().item()
        error += (answers.severity - true.severity).abs().sum().item()
        mask = answers.mask.argmax(1)
        for part in (0, 1):
            both[part] += ((mask == part) & (true.mask == part)).sum().item()
            either[part] += ((mask == part) | (true.mask == part)).sum().item()
    count = len(loader.dataset)
    return {
        "position/accuracy": right / count,
        "severity/mae": error / count,
        "mask/miou": (both / either).mean().item(),
    }


if __name__ == "__main__":
    measure(__doc__, JOB, make_files, train)

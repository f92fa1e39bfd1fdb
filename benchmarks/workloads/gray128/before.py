"""Before: a Dataset over the PNG files, a DataLoader as it comes, and a plain loop.

python -m workloads.gray128.before
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from workloads.command import measure
from workloads.gray128.data import CLASSES, JOB, make_files, trivial_accuracy
from workloads.gray128.model import GrayNet
from workloads.job import Job, Outcome
from workloads.measuring import Stopwatch

BATCH_SIZE = 8


class Pictures(Dataset):
    """The pictures of class folders, opened one by one."""

    def __init__(self, folder: Path) -> None:
        self.paths = sorted(folder.glob("*/*.png"))
        self.labels = [CLASSES.index(path.parent.name) for path in self.paths]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        with Image.open(self.paths[index]) as image:
            pixels = np.array(image.convert("L"), dtype=np.float32) / 255
        return torch.from_numpy(pixels)[None], self.labels[index]


def train(job: Job) -> Outcome:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    train_loader = DataLoader(Pictures(job.work / "files/train"), BATCH_SIZE, shuffle=True)
    val_loader = DataLoader(Pictures(job.work / "files/val"), BATCH_SIZE)
    model = GrayNet(len(CLASSES)).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    watch = Stopwatch()
    for _ in range(job.epochs):
        model.train()
        for images, labels in watch.epoch(train_loader):
            loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watch.step(loss.item(), samples=len(images))
        accuracy = evaluate(model, val_loader, device)
    return watch.outcome(
        batch_size=BATCH_SIZE,
        metric="accuracy",
        value=accuracy,
        trivial=trivial_accuracy(val_loader.dataset.labels),
        settings="fp32, 0 workers",
    )


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader, device: torch.device) -> float:
    model.eval()
    right = 0
    for images, labels in loader:
        right += (model(images.to(device)).argmax(1).cpu() == labels).sum().item()
    return right / len(loader.dataset)


if __name__ == "__main__":
    measure(__doc__, JOB, make_files, train)

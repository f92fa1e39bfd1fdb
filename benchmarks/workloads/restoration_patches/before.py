"""Before: a Dataset over two folders of JPEG files, a DataLoader as it comes, and a plain loop.

python -m workloads.restoration_patches.before
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from workloads.command import measure
from workloads.job import Job, Outcome
from workloads.measuring import Stopwatch
from workloads.restoration_patches.data import JOB, make_files, middle, trivial_psnr
from workloads.restoration_patches.model import PATCH, RestorationNetwork, loss

BATCH_SIZE = 4


class Pairs(Dataset):
    """Opens both pictures of a pair, and cuts the same patch from each.

    Args:
        folder: With the folders degraded and clean.
        is_training: Whether patches lie anywhere, and are mirrored; else in the middle.
    """

    def __init__(self, folder: Path, *, is_training: bool) -> None:
        self.paths = sorted((folder / "degraded").iterdir())
        self.clean = folder / "clean"
        self.is_training = is_training

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        path = self.paths[index]
        twin = self.clean / path.name
        if not self.is_training:
            return as_tensor(middle(path, PATCH)), as_tensor(middle(twin, PATCH))
        with Image.open(path) as opened:
            degraded = np.asarray(opened, np.float32) / 255
        with Image.open(twin) as opened:
            clean = np.asarray(opened, np.float32) / 255
        top = int(torch.randint(clean.shape[0] - PATCH + 1, ()))
        left = int(torch.randint(clean.shape[1] - PATCH + 1, ()))
        patches = [image[top : top + PATCH, left : left + PATCH] for image in (degraded, clean)]
        if torch.rand(()) < 0.5:
            patches = [patch[:, ::-1] for patch in patches]
        return as_tensor(patches[0]), as_tensor(patches[1])


def as_tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def train(job: Job) -> Outcome:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    files = job.work / "files"
    train_loader = DataLoader(Pairs(files / "train", is_training=True), BATCH_SIZE, shuffle=True)
    val_loader = DataLoader(Pairs(files / "val", is_training=False), BATCH_SIZE)
    model = RestorationNetwork().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    watch = Stopwatch()
    for _ in range(job.epochs):
        model.train()
        for degraded, clean in watch.epoch(train_loader):
            current = loss(model(degraded.to(device)), clean.to(device))
            optimizer.zero_grad()
            current.backward()
            optimizer.step()
            watch.step(current.item(), samples=len(clean))
        psnr = evaluate(model, val_loader, device)
    return watch.outcome(
        batch_size=BATCH_SIZE,
        metric="PSNR",
        value=psnr,
        trivial=trivial_psnr(files / "val", PATCH),
        settings="fp32, 0 workers",
    )


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader, device: torch.device) -> float:
    """In dB, over the pixels of all patches together."""
    model.eval()
    error = 0.0
    for degraded, clean in loader:
        restored = model(degraded.to(device)).cpu()
        error += ((restored - clean) ** 2).mean().item() * len(clean)
    return -10 * math.log10(error / len(loader.dataset))


if __name__ == "__main__":
    measure(__doc__, JOB, make_files, train)

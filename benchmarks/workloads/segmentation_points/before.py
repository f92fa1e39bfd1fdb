"""Before: files, SciPy's distance maps made anew for each sample, and a plain loop.

python -m workloads.segmentation_points.before
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import distance_transform_edt
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from workloads.command import measure
from workloads.job import Job, Outcome
from workloads.measuring import Stopwatch
from workloads.segmentation_points.data import JOB, make_files, trivial_miou
from workloads.segmentation_points.model import (
    CLASSES,
    CROP,
    MEAN,
    STD,
    UNNAMED,
    PointNetwork,
    loss,
)

BATCH_SIZE = 4

Sample = tuple[Tensor, Tensor, Tensor]


class Streets(Dataset):
    """Opens a frame and its mask, and computes the distance to the nearest class boundary.

    Args:
        folder: With the folders images and masks.
        is_training: Whether a crop is cut at random, and mirrored; else frames are left whole.
    """

    def __init__(self, folder: Path, *, is_training: bool) -> None:
        self.paths = sorted((folder / "images").iterdir())
        self.masks = folder / "masks"
        self.is_training = is_training

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        path = self.paths[index]
        with Image.open(path) as opened:
            image = (np.asarray(opened.convert("RGB"), np.float32) / 255 - MEAN) / STD
        with Image.open(self.masks / path.name) as opened:
            mask = np.array(opened, np.int64)
        parts = [image.astype(np.float32), mask, boundary_distance(mask)]
        if self.is_training:
            top = int(torch.randint(mask.shape[0] - CROP + 1, ()))
            left = int(torch.randint(mask.shape[1] - CROP + 1, ()))
            parts = [part[top : top + CROP, left : left + CROP] for part in parts]
            if torch.rand(()) < 0.5:
                parts = [part[:, ::-1] for part in parts]
        image, mask, distance = (torch.from_numpy(part.copy()) for part in parts)
        return image.permute(2, 0, 1), mask, distance


def boundary_distance(mask: np.ndarray) -> np.ndarray:
    """Pixels to the nearest boundary between two named classes, (height, width) float32."""
    inside = np.ones(mask.shape, bool)
    for one, other, both in (
        (mask[1:], mask[:-1], (inside[1:], inside[:-1])),
        (mask[:, 1:], mask[:, :-1], (inside[:, 1:], inside[:, :-1])),
    ):
        differs = (one != other) & (one != UNNAMED) & (other != UNNAMED)
        for side in both:
            side[differs] = False
    return distance_transform_edt(inside).astype(np.float32)


def train(job: Job) -> Outcome:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    files = job.work / "files"
    train_loader = DataLoader(Streets(files / "train", is_training=True), BATCH_SIZE, shuffle=True)
    val_loader = DataLoader(Streets(files / "val", is_training=False), BATCH_SIZE)
    model = PointNetwork().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    watch = Stopwatch()
    for _ in range(job.epochs):
        model.train()
        for batch in watch.epoch(train_loader):
            image, mask, distance = (part.to(device) for part in batch)
            current = loss(model(image), mask, distance)
            optimizer.zero_grad()
            current.backward()
            optimizer.step()
            watch.step(current.item(), samples=len(image))
        miou = evaluate(model, val_loader, device)
    return watch.outcome(
        batch_size=BATCH_SIZE,
        metric="mIoU",
        value=miou,
        trivial=trivial_miou(files / "val"),
        settings="fp32, 0 workers",
    )


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader, device: torch.device) -> float:
    """Over the classes that occur, of named pixels only."""
    model.eval()
    pairs = torch.zeros(CLASSES**2)
    for image, mask, _ in loader:
        found = model(image.to(device)).pixels.argmax(1).cpu()
        named = mask != UNNAMED
        pairs += torch.bincount(mask[named] * CLASSES + found[named], minlength=CLASSES**2)
    matrix = pairs.view(CLASSES, CLASSES)
    union = matrix.sum(0) + matrix.sum(1) - matrix.diag()
    return (matrix.diag() / union)[union > 0].mean().item()


if __name__ == "__main__":
    measure(__doc__, JOB, make_files, train)

"""After: two packs that hold the distance maps too, FastLoader, and Trainer.

python -m workloads.segmentation_points.after
"""

from __future__ import annotations

import torch

import fastdata
from fastdata.training import MetricConfig
from fastdata.transforms import HorizontalFlip, Normalize, RandomCrop
from workloads.command import measure
from workloads.job import Job, Outcome
from workloads.measuring import Journal
from workloads.segmentation_points.data import JOB, make_files, trivial_miou
from workloads.segmentation_points.model import (
    CLASSES,
    CROP,
    MEAN,
    STD,
    UNNAMED,
    PointNetwork,
    step,
)

BATCH_SIZE = 6


def pack(job: Job) -> None:
    for part in ("train", "val"):
        out = job.work / f"{part}.lmdb"
        if not out.exists():
            fastdata.convert(
                job.work / "files" / part,
                out,
                distance_maps=("boundary",),
                truncate=32,
                distance_dtype="uint8",
                classes=CLASSES,
                ignore_index=UNNAMED,
            )


def train(job: Job) -> Outcome:
    torch.manual_seed(0)
    journal = Journal()
    trainer = fastdata.Trainer(
        PointNetwork(),
        step=step,
        optimizer={"lr": 4e-3},
        metrics=MetricConfig(kind="segmentation", classes=CLASSES, ignore_index=UNNAMED),
        config={"epochs": job.epochs, "log_interval": 5, "eval_interval": "8 epochs"},
        report=journal.record,
    )
    result = trainer.fit(
        fastdata.FastLoader(
            job.work / "train.lmdb",
            BATCH_SIZE,
            shuffle=True,
            transforms=[RandomCrop(CROP), HorizontalFlip(), Normalize(MEAN, STD)],
        ),
        fastdata.FastLoader(job.work / "val.lmdb", BATCH_SIZE, transforms=Normalize(MEAN, STD)),
    )
    return journal.outcome(
        batch_size=BATCH_SIZE,
        metric="mIoU",
        value=result.metrics["miou"],
        trivial=trivial_miou(job.work / "files/val"),
    )


if __name__ == "__main__":
    measure(__doc__, JOB, make_files, train, pack=pack)

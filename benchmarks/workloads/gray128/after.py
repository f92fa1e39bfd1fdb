"""After: two packs of raw pixels, FastLoader, and Trainer.

python -m workloads.gray128.after

At 16 KB a picture, raw pixels are hardly larger than the PNG files, and a batch is one gather.
"""

from __future__ import annotations

import torch

import fastdata
from fastdata.training import MetricConfig
from fastdata.transforms import ToFloat
from workloads.command import measure
from workloads.gray128.data import CLASSES, JOB, make_files, trivial_accuracy
from workloads.gray128.model import GrayNet
from workloads.job import Job, Outcome
from workloads.measuring import Journal

BATCH_SIZE = 32


def pack(job: Job) -> None:
    for split in ("train", "val"):
        out = job.work / f"{split}.lmdb"
        if not out.exists():
            fastdata.convert(job.work / "files" / split, out, channels=1, codec="raw")


def train(job: Job) -> Outcome:
    torch.manual_seed(0)
    make = {"batch_size": BATCH_SIZE, "fields": ["image", "label"], "transforms": [ToFloat()]}
    train_loader = fastdata.FastLoader(job.work / "train.lmdb", shuffle=True, **make)
    val_loader = fastdata.FastLoader(job.work / "val.lmdb", **make)
    journal = Journal()
    trainer = fastdata.Trainer(
        GrayNet(len(CLASSES)),
        torch.nn.CrossEntropyLoss(),
        optimizer={"lr": 4e-3},
        metrics=MetricConfig(kind="classification", classes=len(CLASSES)),
        config={"epochs": job.epochs, "log_interval": 20, "eval_interval": "2 epochs"},
        report=journal.record,
    )
    result = trainer.fit(train_loader, val_loader)
    labels = fastdata.open_pack(job.work / "val.lmdb").column("label")
    return journal.outcome(
        batch_size=BATCH_SIZE,
        metric="accuracy",
        value=result.metrics["accuracy"],
        trivial=trivial_accuracy(labels.tolist()),
    )


if __name__ == "__main__":
    measure(__doc__, JOB, make_files, train, pack=pack)

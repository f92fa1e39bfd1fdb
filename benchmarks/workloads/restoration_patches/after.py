"""After: two packs of pairs, of which a patch costs what it shows, FastLoader, and Trainer.

python -m workloads.restoration_patches.after

One geometry a sample cuts both pictures of a pair. Conversion puts restart markers into JPEGs, so
that only the part that holds the patch is decoded.
"""

from __future__ import annotations

import torch
from torchmetrics.image import PeakSignalNoiseRatio

import fastdata
from fastdata.transforms import CenterCrop, HorizontalFlip, RandomCrop, ToFloat
from workloads.command import measure
from workloads.job import Job, Outcome
from workloads.measuring import Journal
from workloads.restoration_patches.data import JOB, make_files, trivial_psnr
from workloads.restoration_patches.model import PATCH, RestorationNetwork, step

BATCH_SIZE = 8


def pack(job: Job) -> None:
    for part in ("train", "val"):
        out = job.work / f"{part}.lmdb"
        if not out.exists():
            fastdata.convert(job.work / "files" / part, out)


def train(job: Job) -> Outcome:
    torch.manual_seed(0)
    journal = Journal()
    trainer = fastdata.Trainer(
        RestorationNetwork(),
        step=step,
        optimizer={"lr": 4e-3},
        metrics={"psnr": PeakSignalNoiseRatio(data_range=1.0)},
        config={"epochs": job.epochs, "log_interval": 5, "eval_interval": "3 epochs"},
        report=journal.record,
    )
    result = trainer.fit(
        fastdata.FastLoader(
            job.work / "train.lmdb",
            BATCH_SIZE,
            shuffle=True,
            transforms=[RandomCrop(PATCH), HorizontalFlip(), ToFloat()],
        ),
        fastdata.FastLoader(
            job.work / "val.lmdb", BATCH_SIZE, transforms=[CenterCrop(PATCH), ToFloat()]
        ),
    )
    return journal.outcome(
        batch_size=BATCH_SIZE,
        metric="PSNR",
        value=result.metrics["psnr"],
        trivial=trivial_psnr(job.work / "files/val", PATCH),
    )


if __name__ == "__main__":
    measure(__doc__, JOB, make_files, train, pack=pack)

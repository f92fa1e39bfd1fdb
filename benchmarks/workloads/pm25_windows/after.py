"""After: two packs, each of which stores its series once, FastLoader, and Trainer.

python -m workloads.pm25_windows.after
"""

from __future__ import annotations

import torch

import fastdata
from fastdata.training import MetricConfig
from workloads.command import measure
from workloads.job import Job, Outcome
from workloads.measuring import Journal
from workloads.pm25_windows.data import (
    FEATURES,
    HORIZON,
    JOB,
    TARGET,
    WINDOW,
    make_files,
    trivial_error,
)
from workloads.pm25_windows.model import WindowNet

BATCH_SIZE = 256


def pack(job: Job) -> None:
    for split in ("train", "val"):
        out = job.work / f"{split}.lmdb"
        if not out.exists():
            fastdata.convert(
                job.work / "files" / f"{split}.csv",
                out,
                window=WINDOW,
                horizon=HORIZON,
                features=FEATURES,
                target=TARGET,
                missing="drop",
            )


def train(job: Job) -> Outcome:
    torch.manual_seed(0)
    train_loader = fastdata.FastLoader(job.work / "train.lmdb", BATCH_SIZE, shuffle=True)
    val_loader = fastdata.FastLoader(job.work / "val.lmdb", BATCH_SIZE)
    journal = Journal()
    trainer = fastdata.Trainer(
        WindowNet(),
        torch.nn.L1Loss(),
        optimizer={"lr": 4e-3},
        metrics=MetricConfig(kind="regression"),
        config={"epochs": job.epochs, "eval_interval": "4 epochs"},
        report=journal.record,
    )
    result = trainer.fit(train_loader, val_loader)
    return journal.outcome(
        batch_size=BATCH_SIZE,
        metric="mae",
        value=result.metrics["mae"],
        trivial=trivial_of(job),
        is_lower_better=True,
    )


def trivial_of(job: Job) -> float:
    with (
        fastdata.open_pack(job.work / "train.lmdb") as train_pack,
        fastdata.open_pack(job.work / "val.lmdb") as val_pack,
    ):
        (held_out,) = fastdata.FastLoader(val_pack, len(val_pack))
        targets = train_pack.column("target")
    return trivial_error(targets, held_out.window.numpy(), held_out.target.numpy())


if __name__ == "__main__":
    measure(__doc__, JOB, make_files, train, pack=pack)

"""After: two packs, FastLoader, and Trainer with a metric for each head.

python -m workloads.lodging_multitask.after
"""

from __future__ import annotations

import torch

import fastdata
from fastdata.training import MetricConfig
from fastdata.transforms import Normalize, Resize
from workloads.command import measure
from workloads.job import Job, Outcome
from workloads.lodging_multitask.data import JOB, judged, make_files
from workloads.lodging_multitask.model import MEAN, POSITIONS, SIZE, STD, LodgingNetwork, step
from workloads.measuring import Journal

BATCH_SIZE = 32
METRICS = {
    "position": MetricConfig(
        kind="classification", classes=POSITIONS, output="position", target="position"
    ),
    "severity": MetricConfig(kind="regression", output="severity", target="severity"),
    "mask": MetricConfig(kind="segmentation", classes=2, output="mask", target="mask"),
}


def pack(job: Job) -> None:
    for part in ("train", "val"):
        out = job.work / f"{part}.lmdb"
        if not out.exists():
            table = job.work / "files" / part / "labels.csv"
            fastdata.convert(table, out, columns={"position": "label", "severity": "scalar"})


def train(job: Job) -> Outcome:
    torch.manual_seed(0)
    make = {
        "batch_size": BATCH_SIZE,
        "transforms": [Resize((SIZE, SIZE)), Normalize(MEAN, STD)],
    }
    journal = Journal()
    trainer = fastdata.Trainer(
        LodgingNetwork(),
        step=step,
        optimizer={"lr": 3e-3},
        metrics=METRICS,
        config={"epochs": job.epochs, "log_interval": 5, "eval_interval": "3 epochs"},
        report=journal.record,
    )
    result = trainer.fit(
        fastdata.FastLoader(job.work / "train.lmdb", shuffle=True, **make),
        fastdata.FastLoader(job.work / "val.lmdb", **make),
    )
    return journal.outcome(
        batch_size=BATCH_SIZE,
        **judged(result.metrics, job.work / "files/val"),
    )


if __name__ == "__main__":
    measure(__doc__, JOB, make_files, train, pack=pack)

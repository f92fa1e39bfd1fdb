"""Profiles as real runs give them, made up, for whatever reads or shows them."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any

from fastdata.profiling.record import (
    ROWS,
    Estimate,
    LoaderFacts,
    MachineFacts,
    Profile,
    Reading,
    Segment,
    SlowSample,
    Stage,
    StartFigures,
    Stretch,
    SyncSite,
    Timeline,
    Verdict,
    WhatIf,
    WorkerLane,
    Workers,
)

DATA_BOUND_ROWS = (0.0412, 0.0021, 0.0160, 0.0290, 0.0043, 0.0019, 0.0008)
COMPUTE_BOUND_ROWS = (0.0004, 0.0021, 0.0160, 0.0290, 0.0043, 0.0019, 0.0008)
BATCH = 32
STAGE_SECONDS = {"read": 0.004, "decode": 0.0671, "transform": 0.0202, "collate": 0.0031,
                 "hand_over": 0.0012}  # fmt: skip
OPERATIONS = {"RandomResizedCrop": 0.0131, "RandomHorizontalFlip": 0.0012, "ToTensor": 0.0059}


def data_bound(*, steps: int = 400, seed: int = 0, **changes: Any) -> Profile:
    """A DataLoader of two workers that decode too slowly: 43 % exposed wait."""
    verdict = Verdict(
        kind="data-bound",
        sentence="43.2 % of each step is spent waiting for data; decode takes 70 % of the "
        "workers' time.",
        next_command="fastdata convert photos/ photos.lmdb --resize shortest:256",
        evidence=(
            "exposed data wait 41.2 ms of 95.3 ms a step (42.6-43.9 %)",
            "decode 67.1 ms a batch, 70.2 % of worker time",
        ),
    )
    what_if = (
        WhatIf(
            name="with the whole batch already there",
            kind="measured",
            step_seconds=Estimate(median=0.0541, low=0.0536, high=0.0548),
            now_seconds=0.0946,
            how="one batch given 20 times in this run",
        ),
        WhatIf(
            name="with 4 workers instead of 2",
            kind="modelled",
            step_seconds=Estimate(median=0.0546, low=0.0536, high=0.0631),
            now_seconds=0.0946,
            how="worker time a batch divided by 4, where 4 cores are free",
        ),
    )
    made = _profile(DATA_BOUND_ROWS, steps, seed, verdict, what_if)
    return dataclasses.replace(made, **changes)


def compute_bound(*, steps: int = 400, seed: int = 0, **changes: Any) -> Profile:
    """The same training with data that is there in time: 0.7 % exposed wait."""
    verdict = Verdict(
        kind="compute-bound",
        sentence="Nothing to gain from data: 0.7 % of each step is exposed wait.",
        next_command=None,
        evidence=("exposed data wait 0.4 ms of 54.5 ms a step (0.6-0.9 %)",),
    )
    made = _profile(COMPUTE_BOUND_ROWS, steps, seed, verdict, ())
    return dataclasses.replace(made, **changes)


def incomplete() -> Profile:
    """A script that was ended before it trained."""
    return dataclasses.replace(
        data_bound(),
        steps=0,
        step_seconds=None,
        wall_seconds=None,
        exposed_share=None,
        exposed_share_low=None,
        exposed_share_high=None,
        hidden_share=None,
        rows={},
        samples_per_step=None,
        loader=None,
        workers=Workers(),
        syncs=None,
        what_if=(),
        timeline=Timeline(
            stride=1, start_seconds=(), kinds=(), rows=dict.fromkeys(ROWS, ()), hidden_wait=()
        ),
        verdict=Verdict(
            kind="INCOMPLETE",
            sentence="INCOMPLETE: no optimizer step was seen.",
            next_command=None,
            missing=("no optimizer step was seen",),
        ),
        notes=("the command ended by signal 15 before its first step",),
    )


def _profile(
    means: tuple[float, ...], steps: int, seed: int, verdict: Verdict, what_if: tuple[WhatIf, ...]
) -> Profile:
    rows = dict(zip(ROWS, means, strict=True))
    wall = sum(means)
    share = rows["exposed_data_wait"] / wall
    return Profile(
        command=("python", "train.py", "--epochs", "2"),
        started_at="2026-03-01T09:30:00+00:00",
        clock="cuda",
        steps=steps,
        step_seconds=Estimate(median=wall * 0.99, low=wall * 0.98, high=wall * 1.01),
        wall_seconds=wall,
        exposed_share=share,
        exposed_share_low=share * 0.98,
        exposed_share_high=share * 1.02,
        hidden_share=0.081,
        rows=rows,
        samples_per_step=float(BATCH),
        start=StartFigures(
            epochs=2,
            worker_start_seconds=0.061,
            first_batch_seconds=0.412,
            warmup_steps=10,
            warmup_seconds=2.31,
            validation_passes=2,
            validation_seconds=3.4,
        ),
        loader=LoaderFacts(
            kind="DataLoader",
            engine=None,
            dataset="ImageFolder",
            samples=12_800,
            batch_size=BATCH,
            workers=2,
            prefetch_batches=2,
            pin_memory=True,
            persistent_workers=False,
        ),
        workers=_workers(steps),
        syncs=(
            SyncSite(file="train.py", line=41, call="Tensor.item", count=steps, seconds=1.9),
            SyncSite(
                file="/home/me/project/metrics/accuracy.py",
                line=7,
                call="Tensor.cpu to the CPU",
                count=12,
                seconds=0.08,
            ),
        ),
        what_if=what_if,
        verdict=verdict,
        machine=MachineFacts(
            host="trainer-3",
            platform="Linux-6.1-x86_64",
            cores=8,
            memory_bytes=32 << 30,
            device="cuda:0",
            device_name="NVIDIA A10G",
            python="3.11.9",
            torch="2.13.0",
            fastdata="0.1.0",
        ),
        timeline=_timeline(rows, steps + 11, seed),
        notes=("2 of 3 copies to the GPU were from pageable memory",),
    )


def _timeline(rows: dict[str, float], steps: int, seed: int) -> Timeline:
    draw = random.Random(seed)
    columns: dict[str, list[float]] = {name: [] for name in rows}
    starts, now = [], 0.5
    for step in range(steps):
        starts.append(now)
        for name, mean in rows.items():
            first = 8.0 if step in (0, steps // 2) and name == "exposed_data_wait" else 1.0
            seconds = mean * first * draw.uniform(0.7, 1.3)
            columns[name].append(seconds)
            now += seconds
    kinds = ["steady"] * steps
    kinds[:10] = ["warm-up"] * 10
    kinds[steps // 2] = "epoch start"
    return Timeline(
        stride=1,
        start_seconds=tuple(starts),
        kinds=tuple(kinds),  # type: ignore[arg-type]
        rows={name: tuple(column) for name, column in columns.items()},
        hidden_wait=tuple(draw.uniform(0, 0.02) for _ in range(steps)),
    )


def _workers(steps: int) -> Workers:
    lanes = tuple(_lane(number, steps // 2) for number in range(2))
    return Workers(
        lanes=lanes,
        stages=_stages(steps, 1.0),
        split_batches=steps,
        ready_share=0.12,
        reading=Reading(
            asked_bytes=steps * BATCH * 110_000,
            storage_bytes=steps * BATCH * 71_500,
            storage_share=0.65,
            bytes_per_second=74.2e6,
            page_faults=0,
            cached_share=0.31,
        ),
        sample_seconds=Estimate(median=0.00262, low=0.00259, high=0.00266),
        slowest=tuple(
            SlowSample(
                index=(rank * 977) % 12_800,
                name=f"photos/val/n0{rank:04d}/image_{rank}.jpg",
                seconds=0.081 / (1 + rank / 4),
                worker=f"worker {rank % 2}",
            )
            for rank in range(12)
        ),
    )


def _lane(number: int, batches: int) -> WorkerLane:
    segments, stretches, now = [], [], 0.6 + 0.03 * number
    busy = math.fsum(STAGE_SECONDS.values())
    for _ in range(min(batches, 40)):
        shares = {name: seconds / (busy + 0.002) for name, seconds in STAGE_SECONDS.items()}
        stretches.append(Stretch(start_seconds=now, seconds=busy + 0.002, shares=shares))
        for name, seconds in STAGE_SECONDS.items():
            segments.append(Segment(start_seconds=now, seconds=seconds, stage=name))
            now += seconds
        now += 0.002
    return WorkerLane(
        name=f"worker {number}",
        kind="process",
        pid=4_100 + number,
        batches=batches,
        samples=batches * BATCH,
        wall_seconds=batches * busy * 1.02,
        busy_seconds=batches * busy,
        stages=_stages(batches, 1.0),
        segments=tuple(segments),
        stretches=tuple(stretches),
    )


def _stages(batches: int, scale: float) -> tuple[Stage, ...]:
    busy = sum(STAGE_SECONDS.values())
    whole = [("", name, seconds) for name, seconds in STAGE_SECONDS.items()]
    parts = [(operation, "transform", seconds) for operation, seconds in OPERATIONS.items()]
    return tuple(
        Stage(
            name=name,
            operation=operation,
            count=batches * (1 if name in ("collate", "hand_over") else BATCH),
            total_seconds=batches * seconds * scale,
            seconds_per_sample=seconds * scale / BATCH,
            seconds_per_batch=seconds * scale,
            share=seconds / busy,
            samples_per_second=2 * BATCH / seconds,
        )
        for operation, name, seconds in (*whole, *parts)
    )

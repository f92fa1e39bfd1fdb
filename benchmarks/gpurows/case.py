"""Measures one case: loading alone, then training with it; one JSON line each.

    python -m gpurows.case NAME DIR          in benchmarks/; DIR is what data.py made

Both are counted from one batch to another. The GPU has finished its work at both ends, and its
utilisation between them is what the driver says four times a second.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from measuring import cpu_seconds, machine_seconds

import fastdata
from fastdata.hardware import read_machine
from gpurows.cases import CASES, Case
from gpurows.job import SIZE, Job, Stream, add_options, job_of
from gpurows.training import Training

__all__: list[str] = []

MONITOR_SECONDS = 0.25
LARGEST = 2.65
"""ImageNet's mean and deviation leave no pixel further from zero: white's blue is 2.64."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=[case.name for case in CASES])
    parser.add_argument("work", type=Path)
    add_options(parser, read_machine().cores)
    options = parser.parse_args()
    (case,) = (case for case in CASES if case.name == options.name)
    job = job_of(options.work, options)
    stream = open_stream(case, job)
    told = {
        "settings": stream.settings,
        "versions": {package: version(package) for package in stream.packages},
    }
    if case.loads:
        check(next(stream.batches), job)
        loaded = measure(lambda: next(stream.batches), job)
        show({"measure": "load", **loaded, **told})
    training = Training(job.device)
    trained = measure(lambda: training.step(*next(stream.batches)), job)
    show({"measure": "train", **trained, **told})


def open_stream(case: Case, job: Job) -> Stream:
    """The case's batches.

    Raises:
        SystemExit: What it needs is not installed, or it cannot run here.
    """
    try:
        made: Stream = importlib.import_module(f"gpurows.{case.module}").make(job, *case.arguments)
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error.name} is not installed; {case.remedy}") from None
    except fastdata.FastDataError as error:
        raise SystemExit(str(error)) from None
    return made


def check(batch: tuple[torch.Tensor, torch.Tensor], job: Job) -> None:
    """A contender that gives anything but normalised batches on the device has not done the work.

    Raises:
        SystemExit: It gives something else.
    """
    images, labels = batch
    found = tuple(images.shape), images.dtype, images.device.type, labels.device.type
    wanted = (job.batch, 3, SIZE, SIZE), torch.float16, job.device, job.device
    if found != wanted:
        raise SystemExit(f"makes {found}; every case makes {wanted}")
    least, greatest = (float(value) for value in images.float().aminmax())
    if not -LARGEST < least < 0 < greatest < LARGEST:
        raise SystemExit(f"makes values {least:.3g} to {greatest:.3g}, which are not normalised")


def measure(step: Callable[[], Any], job: Job) -> dict[str, Any]:
    """What `step`, which takes one batch, can do in the time that `job` gives it."""
    for _ in range(job.warm_up):
        step()
    finish(job.device)
    with fastdata.Monitor(interval=MONITOR_SECONDS) as monitor:
        own, everyone, start = cpu_seconds(), machine_seconds(), time.perf_counter()
        count = 0
        while count < job.batches and time.perf_counter() - start < job.seconds:
            step()
            count += 1
        finish(job.device)
        elapsed = time.perf_counter() - start
        used, others = cpu_seconds() - own, machine_seconds() - everyone
    busy = monitor.summary().figures("gpu0_busy_share")
    return {
        "images_per_second": round(count * job.batch / elapsed, 1),
        "batches": count,
        "seconds": round(elapsed, 3),
        "gpu_busy": None if busy is None else round(busy.mean, 3),
        "cores_busy": round(used / elapsed / read_machine().cores, 3),
        "cores_of_others": round(max(0.0, others - used) / elapsed, 3),
    }


def finish(device: str) -> None:
    """Waits until the GPU has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def show(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()

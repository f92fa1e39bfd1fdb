"""Starts many epochs of FastLoader `dali`, ends each after its first batch, and looks at memory.

    python -m gpurows.epoch_starts 1000 DIR          in benchmarks/; DIR is what data.py made

Prints a JSON line after a twentieth, a quarter and a half of the starts, and after all.

    gpu_used_bytes        of the whole GPU, as the driver says, other processes' memory included
    torch_reserved_bytes  what torch's allocator holds of it
    pinned_bytes          host memory that torch holds for copies; it is not in the next figure
    held_bytes            host memory that nobody could drop: anonymous and shared, without the
                          page cache; after malloc has given back what it kept
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
from pathlib import Path
from typing import Any

import psutil
import torch
from measuring import memory

import fastdata
from fastdata.hardware import read_machine
from fastdata.monitoring.nvml import open_gpus
from gpurows.case import finish
from gpurows.fastloader import loader_of
from gpurows.job import add_options, job_of

__all__: list[str] = []


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("starts", type=int)
    parser.add_argument("work", type=Path)
    add_options(parser, read_machine().cores)
    options = parser.parse_args()
    try:
        loader = loader_of(job_of(options.work, options), "dali")
    except fastdata.FastDataError as error:
        raise SystemExit(str(error)) from None
    marks = {max(1, options.starts // part) for part in (20, 4, 2, 1)}
    for number in range(1, options.starts + 1):
        for _ in loader:
            break
        if number in marks:
            print(json.dumps({"start": number, **held(options.device)}), flush=True)


def held(device: str) -> dict[str, Any]:
    """What this process holds now."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    finish(device)
    process = psutil.Process()
    found = {
        "held_bytes": memory()["held_bytes"],
        "threads": process.num_threads(),
        "files": process.num_fds(),
    }
    if device == "cuda":
        found["gpu_used_bytes"] = open_gpus().read(pcie=False)[0].memory_bytes
        found["torch_reserved_bytes"] = torch.cuda.memory_reserved()
        found["pinned_bytes"] = torch.cuda.host_memory_stats().get("allocated_bytes.current", 0)
    return found


if __name__ == "__main__":
    main()

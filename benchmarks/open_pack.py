"""Time and memory to open a pack of many small samples, each backend in a fresh process.

    python benchmarks/open_pack.py [--count 1000000] [--folder DIR]

Prints one JSON line a backend: median seconds of `open_pack`, and private memory of the process
(USS: pages that no other process shares, those of the map included) before, after, and after a
first batch of 256 samples.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from fastdata.packs import EncodedField, EncodedSample, create_pack, open_pack
from fastdata.schema import Array, Label, Schema, Text

SCHEMA = Schema(
    {"label": Label(), "vector": Array(shape=(4,)), "row": Array(shape=(24,)), "text": Text()}
)


def write(path: Path, count: int) -> float:
    """Seconds to write a pack of `count` samples."""
    started = time.perf_counter()
    with create_pack(path, SCHEMA) as writer:
        for index in range(count):
            number = index.to_bytes(8, "little")
            fields = {
                "label": EncodedField(number),
                "vector": EncodedField(number * 2),
                "row": EncodedField(number * 12),
                "text": EncodedField(b"sample number %d" % index),
            }
            writer.append(EncodedSample(f"{index:07d}.png", fields))
    return time.perf_counter() - started


def measure(path: Path) -> dict[str, float]:
    """Open a pack five times, then read a batch."""
    process = psutil.Process()
    before = process.memory_full_info().uss
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        pack = open_pack(path)
        seconds.append(time.perf_counter() - started)
    opened = process.memory_full_info().uss
    pack.__getitems__(np.random.default_rng(0).integers(0, len(pack), 256).tolist())
    read = process.memory_full_info().uss
    return {
        "open_seconds": round(statistics.median(seconds), 4),
        "first_open_seconds": round(seconds[0], 4),
        "uss_before_mb": round(before / 1e6, 1),
        "uss_opened_mb": round(opened / 1e6, 1),
        "uss_batch_mb": round(read / 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--measure", type=Path, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for suffix in (".lmdb", ".h5"):
            path = Path(folder) / f"many{suffix}"
            seconds = write(path, options.count)
            command = [sys.executable, __file__, "--measure", str(path)]
            line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            facts = {"case": "open_pack", "backend": suffix[1:], "count": options.count}
            print(json.dumps(facts | {"write_seconds": round(seconds, 1)} | json.loads(line)))


if __name__ == "__main__":
    main()

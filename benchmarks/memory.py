"""Private memory of a loader over 50 epochs: how much, and whether it grows.

    python benchmarks/memory.py                   made scenes
    python benchmarks/memory.py --photos DIR      JPEG files

Prints one JSON line. Measured is what the kernel calls private to this process (Private_Clean +
Private_Dirty of /proc/self/smaps), without the pages of the pack itself: they are the page cache's,
are dropped when memory is short, and are told by themselves. From that is taken what the process
held after `import torch`, and the batches in flight: those that the loader makes ahead, between
epochs too, and the one that the training loop holds.

    loader_mb           the most that remains after any epoch
    trimmed_mb          the median of what the process then holds beyond torch and the batches that
                        were made ahead, after malloc has given back what it kept for later
    growth_mb_per_epoch from the tenth epoch on: the least of the second half of the epochs less the
                        least of the first, divided by the epochs between them; the least, because
                        malloc gives back the memory of an idle thread after some epochs only
    peak_rss_mb         of the whole process, torch and the pack's pages included
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

import torch

BATCH, SIZE = 128, 224
COUNT = 4 * BATCH
SETTLED = 10
"""Epochs after which buffers and the allocator's arenas are taken to be as large as they get."""


def private_bytes(pack: Path) -> tuple[int, int]:
    """Private memory of this process: without the pack's pages, and those pages."""
    other = mapped = 0
    inside = False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        name, *values = line.split()
        if not name.endswith(":"):
            inside = str(pack) in line
        elif name in ("Private_Clean:", "Private_Dirty:"):
            other, mapped = (
                (other, mapped + int(values[0])) if inside else (other + int(values[0]), mapped)
            )
    return other * 1024, mapped * 1024


def epochs(pack: Path, before: int, count: int) -> dict[str, object]:
    """Load `count` epochs, and measure after each."""
    from fastdata import FastLoader
    from fastdata import transforms as T  # noqa: N812

    loader = FastLoader(
        pack,
        BATCH,
        shuffle=True,
        fields=["image"],
        transforms=[T.RandomResizedCrop(SIZE), T.HorizontalFlip()],
    )
    settings = {item.name: item.value for item in loader.explain().settings}
    ahead, batch_bytes = int(settings["prefetch_factor"]), BATCH * 3 * SIZE * SIZE
    in_flight = (ahead + 1) * batch_bytes
    held, trimmed, mapped = [], [], 0
    for _ in range(count):
        for batch in loader:
            assert batch.image.dtype == torch.uint8
        rest()
        own, mapped = private_bytes(pack)
        held.append(own - before - in_flight)
        del batch
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        trimmed.append(private_bytes(pack)[0] - before - ahead * batch_bytes)
    return {
        "core": settings.get("core"),
        "loader_mb": round(max(held) / 1e6, 1),
        "growth_mb_per_epoch": round(growth(trimmed[SETTLED:]) / 1e6, 3),
        "trimmed_mb": round(statistics.median(trimmed) / 1e6, 1),
        "batches_in_flight": ahead + 1,
        "batches_in_flight_mb": round(in_flight / 1e6, 1),
        "pack_pages_mb": round(mapped / 1e6, 1),
    }


def rest() -> None:
    """Returns when the next epoch's first batches are made, and nothing works any more."""
    used = -1.0
    while time.process_time() > used + 0.01:
        used = time.process_time()
        time.sleep(0.1)


def growth(values: list[int]) -> float:
    """How much more there is in the second half of the epochs, for each epoch between."""
    half = len(values) // 2
    return (min(values[half:]) - min(values[:half])) / half


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--epochs", type=int, default=50)
    options = parser.parse_args()
    if options.epochs < SETTLED + 2:
        parser.error(f"--epochs must be at least {SETTLED + 2}")
    gc.collect()
    before, _ = private_bytes(Path("/nowhere"))
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own, so that converting leaves nothing behind in this one.
        pack = made_elsewhere(Path(folder), options.photos)
        result = epochs(pack, before, options.epochs)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    record = {"case": "memory", "epochs": options.epochs, "torch_mb": round(before / 1e6, 1)}
    print(json.dumps(record | result | {"peak_rss_mb": round(peak / 1e6, 1)}))


def made_elsewhere(folder: Path, photos: Path | None) -> Path:
    """The pack, written by another process."""
    import multiprocessing

    from picture_pack import write_pack

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(write_pack, (folder, photos, COUNT))


if __name__ == "__main__":
    main()

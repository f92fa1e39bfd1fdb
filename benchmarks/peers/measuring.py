"""Measures an endless stream of batches: what every case prints as its one JSON line.

It needs the standard library and psutil alone, because it runs in the environments of the peers.

What is counted: images that arrive at the main thread, which does nothing with them, from one batch
to another a few seconds later; making the loader and the batches before that are not. CPU time is
that of this process and its children; what everybody else took from the machine meanwhile is told
too, as the measure of how far a figure can be trusted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

BATCH = 128
SIZE = 224
WARM_UP_SECONDS = 1.0


def arguments(description: str | None, *, more: Callable[[Any], None] | None = None) -> Any:
    """The command line that all cases share; this process is then kept to `--threads` cores.

    Args:
        description: The case's docstring.
        more: Adds the arguments of its own.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that data.py filled")
    parser.add_argument("--threads", type=int, default=2, help="threads or workers, and cores")
    parser.add_argument("--seconds", type=float, default=3.0, help="shortest time to measure")
    if more is not None:
        more(parser)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[: options.threads]
    os.sched_setaffinity(0, cores)
    return options


def endless(loader: Iterable[Any]) -> Iterator[Any]:
    """One epoch after another."""
    while True:
        yield from loader


def measure(
    batches: Iterator[Any],
    options: Any,
    *,
    packages: tuple[str, ...],
    settings: str,
    image: Callable[[Any], Any] = lambda batch: batch[0],
    size: int = SIZE,
    warm_up_batches: int = 4,
) -> None:
    """Takes batches for `options.seconds`, and prints the case's JSON line.

    Args:
        batches: Endless batches of `BATCH` images.
        options: What `arguments` returned.
        packages: Installed packages whose versions matter.
        settings: What was chosen for this loader, in words.
        image: Takes the images out of a batch.
        size: Height and width that they must have.
        warm_up_batches: Least number of batches that come first and do not count: workers start,
            compilers compile, and caches fill.
    """
    warm_up = {"batches": 0, "seconds": 0.0}
    start = time.perf_counter()
    while warm_up["batches"] < warm_up_batches or warm_up["seconds"] < WARM_UP_SECONDS:
        for _ in range(options.threads):
            check(image(next(batches)), size)
        warm_up["batches"] += options.threads
        warm_up["seconds"] = round(time.perf_counter() - start, 3)
    record = take(batches, seconds=options.seconds, at_once=options.threads)
    record |= {"warm_up": warm_up, **memory()}
    show(record, options, packages=packages, settings=settings)


def show(record: dict[str, Any], options: Any, *, packages: tuple[str, ...], settings: str) -> None:
    """Print the one line."""
    record |= {"threads": options.threads, "settings": settings}
    record["versions"] = {package: version(package) for package in packages}
    print(json.dumps(record), flush=True)


def check(images: Any, size: int) -> None:
    """A contender that returns anything but a whole batch of uint8 pixels has not done the work."""
    shapes = ((BATCH, 3, size, size), (BATCH, size, size, 3))
    if tuple(images.shape) not in shapes or not str(images.dtype).endswith("uint8"):
        raise SystemExit(
            f"made {tuple(images.shape)} {images.dtype}; every case makes {shapes[0]} uint8"
        )


def take(batches: Iterator[Any], *, seconds: float, at_once: int) -> dict[str, Any]:
    """Counts batches, as many at a time as workers make at once, since those arrive together."""
    count = 0
    own, everyone, start = cpu_seconds(), machine_seconds(), time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        for _ in range(at_once):
            next(batches)
            count += 1
    used = cpu_seconds() - own
    return {
        "images_per_second": round(count * BATCH / elapsed, 1),
        "batches": count,
        "seconds": round(elapsed, 3),
        "images_per_cpu_second": round(count * BATCH / used, 1),
        "cores": round(used / elapsed, 3),
        "cores_of_others": round(max(0.0, machine_seconds() - everyone - used) / elapsed, 3),
    }


def cpu_seconds() -> float:
    """CPU time of this process and its children, those that have ended included."""
    mine = psutil.Process().cpu_times()
    total = mine.user + mine.system + mine.children_user + mine.children_system
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return total


def machine_seconds() -> float:
    """CPU time that the whole machine spent on anything; stolen time is somebody else's work."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def memory() -> dict[str, int]:
    """Memory of this process and its children, summed, in bytes.

    ``held_bytes`` are pages that exist nowhere else, those of shared memory among them, and those
    that processes share counted once; what is mapped from files is left out, since it is the page
    cache. ``private_bytes`` are pages that nobody else has mapped, those of files included (USS).
    ``peak_rss_bytes`` counts a shared page once for each process.
    """
    total = {"peak_rss_bytes": 0, "private_bytes": 0, "held_bytes": 0}
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        status = _kilobytes(f"/proc/{process.pid}/status")
        rollup = _kilobytes(f"/proc/{process.pid}/smaps_rollup")
        total["peak_rss_bytes"] += status.get("VmHWM", 0)
        total["private_bytes"] += rollup.get("Private_Dirty", 0) + rollup.get("Private_Clean", 0)
        total["held_bytes"] += rollup.get("Pss_Anon", 0) + rollup.get("Pss_Shmem", 0)
    return total


def _kilobytes(path: str) -> dict[str, int]:
    """The lines of a file in /proc that are sizes, in bytes."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines if line.endswith(" kB"))
    return {field[0].rstrip(":"): int(field[1]) * 1024 for field in fields}

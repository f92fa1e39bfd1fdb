"""CPU time that the loader spends in Python while the compiled core does the work.

    python benchmarks/loader_cpu.py                   made scenes
    python benchmarks/loader_cpu.py --photos DIR      JPEG files

Prints one JSON line. Batches of 128 are taken as quickly as they come, in epochs of 32. Every
function of the compiled core is wrapped in two readings of the calling thread's CPU clock; what the
main thread and the producer use outside them is the loader's own: Python, and the NumPy and torch
calls that it makes. The threads of the core's pool run no Python, so all of theirs is the core's.

    python_ms_per_batch       the loader's own CPU time
    python_share_of_a_core    the same as a part of one core when `threads` cores are busy with the
                              loader alone: own / (own + core's) x threads. On a quiet machine that
                              is CPU time over wall time, which shrinks when others disturb.

The error: a wrapped call adds under a microsecond to the loader's side; turning arguments into C++
objects counts as the core's. Others that use the same caches make both sides slower, the loader's
own more, since it runs for a moment now and then.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

BATCH, SIZE = 128, 224
BATCHES = 32


class CoreClock:
    """CPU seconds of each thread inside the compiled core."""

    def __init__(self) -> None:
        self.seconds: dict[int, float] = defaultdict(float)
        self.calls = 0

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time counted."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[threading.get_native_id()] += time.thread_time() - start
                self.calls += 1

        return timed


def wrap_core(clock: CoreClock) -> None:
    """Count every call into the core; before anything has taken a function out of it.

    Raises:
        ImportError: This installation has no compiled core.
    """
    core = importlib.import_module("fastdata.native._core")
    for name in dir(core):
        function = getattr(core, name)
        if not name.startswith("_") and callable(function) and not isinstance(function, type):
            setattr(core, name, clock.wrap(function))


def thread_seconds() -> dict[int, float]:
    """CPU seconds of every thread of this process, by its id."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        # A thread may end between being listed and being read.
        with contextlib.suppress(OSError):
            spent = (task / "schedstat").read_text(encoding="ascii").split()[0]
            found[int(task.name)] = int(spent) / 1e9
    return found


def python_threads() -> set[int]:
    """Ids of the threads that Python knows."""
    return {thread.native_id for thread in threading.enumerate() if thread.native_id is not None}


def measure(pack: Path, clock: CoreClock, seconds: float) -> dict[str, Any]:
    """Take batches for so many seconds, after one epoch that does not count."""
    from fastdata import FastLoader
    from fastdata import transforms as T  # noqa: N812

    loader = FastLoader(
        pack,
        BATCH,
        shuffle=True,
        drop_last=True,
        fields=["image"],
        transforms=[T.RandomResizedCrop(SIZE), T.HorizontalFlip()],
    )
    batches, python, core = 0, 0.0, 0.0
    for _ in loader:
        pass
    clock.calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        before, inside = thread_seconds(), dict(clock.seconds)
        epoch = iter(loader)
        for _ in range(len(loader)):
            next(epoch)
        # Before the epoch is found to be at its end, and its producer with it.
        known = python_threads()
        for thread, used in thread_seconds().items():
            used -= before.get(thread, 0.0)
            spent = clock.seconds[thread] - inside.get(thread, 0.0) if thread in known else used
            core += spent
            python += used - spent
        batches += len(loader)
        del epoch
    wall = time.perf_counter() - start
    if not core:
        return {"failed": f"the core that makes batches here is {setting(loader, 'core')!r}"}
    threads = setting(loader, "num_workers")
    return {
        "batches": batches,
        "images_per_second": round(batches * BATCH / wall),
        "python_share_of_a_core": round(python / (python + core) * threads, 4),
        "python_ms_per_batch": round(1e3 * python / batches, 3),
        "core_ms_per_batch": round(1e3 * core / batches, 3),
        "core_calls_per_batch": round(clock.calls / batches, 2),
        "cores": round((python + core) / wall, 3),
        "threads": threads,
        "core": setting(loader, "core"),
    }


def setting(loader: Any, name: str) -> Any:
    """What the loader says of itself."""
    return next(item.value for item in loader.explain().settings if item.name == name)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    clock = CoreClock()
    try:
        wrap_core(clock)
    except ImportError:
        print(json.dumps({"case": "loader_cpu", "failed": "there is no compiled core"}))
        return
    from picture_pack import write_pack

    with tempfile.TemporaryDirectory() as folder:
        pack = write_pack(Path(folder), options.photos, BATCHES * BATCH)
        record = measure(pack, clock, options.seconds)
    print(json.dumps({"case": "loader_cpu", "batch": BATCH} | record))


if __name__ == "__main__":
    main()

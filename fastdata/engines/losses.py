"""Says what happened when a DataLoader lost a worker, or had no shared memory for a batch."""

from __future__ import annotations

import contextlib
import re
import signal
from typing import Any

from fastdata.errors import SharedMemoryFull, WorkerDied, WorkerError, WorkerTimeout

__all__ = ["explained"]

_SHARED_MEMORY = re.compile(
    r"unable to (allocate|resize|open|mmap|write).*(shm|shared memory|/torch_)|out of shared memory"
    r"|No space left on device.*(shm|torch_)",
    re.DOTALL,
)
_DIED = re.compile(r"DataLoader worker \(pid\(?s?\)? ?([\d, ]+)\)")


def explained(error: RuntimeError, iterator: Any) -> WorkerError | None:
    """The error to raise in place of one of DataLoader's own, or None when it is the user's.

    Args:
        error: What the iterator raised; its first line stays part of the message.
        iterator: The DataLoader's iterator.
    """
    text = str(error)
    first_line = text.splitlines()[0] if text else ""
    if _SHARED_MEMORY.search(text):
        return SharedMemoryFull(
            f"no shared memory left for a batch ({_shared_memory_line(text)}); give the container "
            "more (docker run --shm-size=8g), or use fewer workers, a smaller batch_size or "
            "prefetch_factor"
        )
    if first_line.startswith("DataLoader timed out"):
        return WorkerTimeout(f"{first_line}; a worker is stuck, or timeout= is too short")
    if found := _DIED.search(text):
        causes = "; ".join(_causes(found.group(1), iterator)) or first_line
        return WorkerDied(
            f"{first_line} ({causes}); if it was killed for memory (see dmesg), use fewer workers "
            "or a smaller batch_size; num_workers=0 shows an error of the dataset itself"
        )
    return None


def _shared_memory_line(text: str) -> str:
    lines = [line for line in text.splitlines() if _SHARED_MEMORY.search(line)]
    return lines[-1].strip() if lines else text.splitlines()[0]


def _causes(pids: str, iterator: Any) -> list[str]:
    causes = []
    named = {int(pid) for pid in re.findall(r"\d+", pids)}
    for worker in getattr(iterator, "_workers", ()):
        if worker.pid in named:
            # It has ended, but its exit code may not have been collected yet.
            worker.join(timeout=1)
            causes.append(f"pid {worker.pid} {_ending(worker.exitcode)}")
    return causes


def _ending(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"ended with exit code {exit_code}"
    with contextlib.suppress(ValueError):
        return f"was ended by signal {-exit_code} ({signal.Signals(-exit_code).name})"
    return f"was ended by signal {-exit_code}"

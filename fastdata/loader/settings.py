"""Chooses what a loader's "auto" settings become, each with its reason, from a `Machine` alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any

from fastdata.hardware import Machine, Ranks

__all__ = ["Explanation", "Setting", "can_be_sent", "choose_threads", "choose_workers"]

# More worker processes than this on one machine have not paid anywhere, and each costs memory.
_MAX_WORKERS = 32
# A worker that has imported torch and holds a few samples.
_WORKER_BYTES = 256 << 20
# Two batches in flight a worker, each of 128 float images of 3x128x128 or 200 bytes images of 224.
_WORKER_SHM_BYTES = 48 << 20


@dataclass(frozen=True)
class Setting:
    """One setting of a loader.

    Attributes:
        name: The argument's name.
        value: What it became.
        reason: Why.
    """

    name: str
    value: Any
    reason: str


@dataclass(frozen=True)
class Explanation:
    """How a loader makes its batches; `str` gives it line by line.

    Attributes:
        engine: "cpu" (threads and gathers of this process), "torch" (worker processes) or "dali".
        reason: Why this engine.
        settings: What was chosen, or given.
    """

    engine: str
    reason: str
    settings: tuple[Setting, ...]

    @property
    def gathers(self) -> bool:
        """Whether batches are only gathered, which takes no threads."""
        return self.engine == "cpu" and all(entry.name != "core" for entry in self.settings)

    def __str__(self) -> str:
        lines = [f"engine = {self.engine}: {self.reason}"]
        lines += [f"{entry.name} = {entry.value}: {entry.reason}" for entry in self.settings]
        return "\n".join(lines)


def choose_threads(machine: Machine, ranks: Ranks) -> Setting:
    """How many threads decode the batches of one rank."""
    threads = max(1, min(machine.cores, _MAX_WORKERS) // ranks.local_world)
    return Setting("num_workers", threads, f"threads; {_share(machine, ranks)}")


def choose_workers(
    machine: Machine, ranks: Ranks, *, iterable: bool, unsendable: str | None
) -> Setting:
    """How many worker processes serve one rank.

    Args:
        machine: What there is.
        ranks: Who shares it.
        iterable: Whether the dataset is an IterableDataset.
        unsendable: Why the dataset cannot be sent to a spawned process, or None.
    """
    limits = [
        (min(machine.cores, _MAX_WORKERS) // ranks.local_world, _share(machine, ranks)),
        (
            machine.memory_bytes // 2 // _WORKER_BYTES // ranks.local_world,
            f"{machine.memory_bytes >> 20} MiB of memory are free, and a worker takes "
            f"{_WORKER_BYTES >> 20}",
        ),
    ]
    if machine.shm_bytes is not None:
        limits.append(
            (
                machine.shm_bytes // _WORKER_SHM_BYTES // ranks.local_world,
                f"/dev/shm has {machine.shm_bytes >> 20} MiB free, and the batches of a worker may "
                f"take {_WORKER_SHM_BYTES >> 20}; a container can be given more (--shm-size)",
            )
        )
    if iterable:
        limits.append(
            (
                1,
                "several workers would each yield the whole IterableDataset, unless it shards "
                "itself by get_worker_info()",
            )
        )
    if machine.daemonic:
        limits.append((0, "this process is a daemonic worker itself, and may not have children"))
    if unsendable is not None:
        limits.append((0, unsendable))
    workers, reason = min(limits, key=lambda limit: limit[0])
    return Setting("num_workers", workers, f"processes; {reason}")


def can_be_sent(machine: Machine, objects: Sequence[Any]) -> str | None:
    """Why these objects cannot reach a spawned worker; None when they can, or workers are forked.

    Args:
        machine: Says how workers start.
        objects: The dataset and functions that a worker needs.
    """
    if machine.start_method == "fork":
        return None
    if machine.lost_program:
        return (
            f"workers start by {machine.start_method} here, and would look for the program in "
            f"{machine.lost_program}, which is not there; put it into a file"
        )
    if machine.interactive and any(type(entry).__module__ == "__main__" for entry in objects):
        return (
            f"workers start by {machine.start_method} here, and cannot import what an interactive "
            "session defines; put the dataset into a module"
        )
    for entry in objects:
        try:
            ForkingPickler(_Nowhere()).dump(entry)
        # Objects may raise whatever they like when they are pickled.
        except Exception as error:
            return (
                f"workers start by {machine.start_method} here, and {type(entry).__name__} cannot "
                f"be pickled for them ({error})"
            )
    return None


class _Nowhere:
    """A file that keeps nothing: only whether pickling works is asked."""

    def write(self, data: Any) -> int:
        return len(data)


def _share(machine: Machine, ranks: Ranks) -> str:
    cores = f"{machine.cores} {'core' if machine.cores == 1 else 'cores'} ({machine.cores_reason})"
    return f"{cores}, {ranks.local_world} ranks share them" if ranks.local_world > 1 else cores

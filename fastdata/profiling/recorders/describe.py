"""What a loader, a process and a machine say of themselves."""

from __future__ import annotations

import os
import platform
import socket
import sys
from importlib import metadata
from typing import Any

from fastdata.hardware import read_machine, read_ranks
from fastdata.profiling.record import LoaderFacts, MachineFacts

__all__ = [
    "describe_loader",
    "describe_machine",
    "describe_process",
    "loader_facts",
    "name_dataset",
    "sample_count",
]


def describe_process() -> dict[str, Any]:
    """Of a training process, as facts for its lane."""
    torch = sys.modules.get("torch")
    on_gpu = torch is not None and torch.cuda.is_initialized()
    index = torch.cuda.current_device() if torch is not None and on_gpu else None
    name = None if torch is None or index is None else torch.cuda.get_device_name(index)
    ranks = read_ranks()
    return {
        "rank": ranks.rank,
        "world": ranks.world,
        "local_world": ranks.local_world,
        "device": "cpu" if index is None else f"cuda:{index}",
        "device_name": name,
        "torch": None if torch is None else str(torch.__version__),
    }


def describe_loader(loader: Any) -> dict[str, Any]:
    """Of any iterable of batches, as far as it has a DataLoader's attributes; a `LoaderFacts`."""
    dataset = getattr(loader, "dataset", None)
    explain, device = getattr(loader, "explain", None), getattr(loader, "device", None)
    told = explain() if callable(explain) else None
    return {
        "kind": type(loader).__name__,
        "engine": None if told is None else str(told.engine),
        "dataset": name_dataset(dataset),
        "samples": sample_count(dataset),
        "batch_size": _batch_size(loader),
        "workers": int(getattr(loader, "num_workers", 0) or 0),
        "prefetch_batches": getattr(loader, "prefetch_factor", None),
        "pin_memory": bool(getattr(loader, "pin_memory", False)),
        "persistent_workers": bool(getattr(loader, "persistent_workers", False)),
        "gathers": told is not None and bool(told.gathers),
        "device": None if device is None else str(device),
    }


def loader_facts(told: dict[str, Any]) -> LoaderFacts:
    """The record of what `describe_loader` gave."""
    return LoaderFacts(**told)


def name_dataset(dataset: Any) -> str:
    """Its class, or a pack's path."""
    path = getattr(dataset, "path", None)
    if isinstance(path, str | os.PathLike):
        return str(path)
    # A part of a dataset says little; what it is a part of does.
    inner = getattr(dataset, "dataset", None)
    return (
        "" if dataset is None else type(dataset).__name__ if inner is None else name_dataset(inner)
    )


def sample_count(dataset: Any) -> int | None:
    """Its length; None where it has none."""
    try:
        return len(dataset)
    except (TypeError, NotImplementedError, AttributeError):
        return None


def _batch_size(loader: Any) -> int | None:
    size = getattr(loader, "batch_size", None)
    if size is None:
        size = getattr(getattr(loader, "batch_sampler", None), "batch_size", None)
    return int(size) if isinstance(size, int) else None


def describe_machine(told: dict[str, Any]) -> MachineFacts:
    """This machine, with what a training process said of its device."""
    machine = read_machine()
    return MachineFacts(
        host=socket.gethostname(),
        platform=platform.platform(),
        cores=machine.cores,
        memory_bytes=machine.memory_bytes,
        device=told.get("device"),
        device_name=told.get("device_name"),
        python=platform.python_version(),
        torch=told.get("torch"),
        fastdata=metadata.version("fastdata"),
    )

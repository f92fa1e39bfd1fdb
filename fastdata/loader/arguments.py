"""What a loader is asked for: the arguments of a FastLoader as one record, checked."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import IterableDataset, Sampler

from fastdata.engines.arrays import array_dataset
from fastdata.errors import UsageError
from fastdata.loader.progress import whole
from fastdata.packs import open_pack

__all__ = ["Request"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of a `FastLoader`, which says what each means.

    Raises:
        UsageError: One of fastdata's own is wrong.
    """

    dataset: Any
    batch_size: int | None = 1
    shuffle: bool | None = None
    sampler: Sampler[Any] | Iterable[Any] | None = None
    batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None
    num_workers: int | str = "auto"
    collate_fn: Callable[[list[Any]], Any] | None = None
    pin_memory: bool | str = "auto"
    drop_last: bool = False
    timeout: float = 0
    worker_init_fn: Callable[[int], None] | None = None
    multiprocessing_context: Any = None
    generator: torch.Generator | None = None
    prefetch_factor: int | None = None
    persistent_workers: bool | str = "auto"
    pin_memory_device: str = ""
    in_order: bool = True
    transforms: Any = None
    fields: Sequence[str] | None = None
    seed: int | None = None
    engine: str = "auto"
    device: Any = None
    on_bad: str = "raise"

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Request:
        """The request by these names, its dataset opened and its seed a whole number.

        Args:
            given: The arguments, among other names that are passed over.
        """
        arguments = {field.name: given[field.name] for field in dataclasses.fields(cls)}
        dataset, seed = arguments["dataset"], _whole_seed(arguments["seed"])
        if isinstance(dataset, str | os.PathLike):
            dataset = open_pack(dataset)
        return cls(**arguments | {"dataset": array_dataset(dataset), "seed": seed})

    def __post_init__(self) -> None:
        if self.on_bad not in ("raise", "skip"):
            raise UsageError(f"on_bad={self.on_bad!r}; expected 'raise' or 'skip'")
        if self.skip_bad and isinstance(self.dataset, IterableDataset):
            raise UsageError(
                "on_bad='skip' cannot go on behind an error of an IterableDataset; catch it in its "
                "__iter__"
            )
        # A DataLoader would take any word for True.
        for name in ("pin_memory", "persistent_workers"):
            value = getattr(self, name)
            if isinstance(value, str) and value != "auto":
                raise UsageError(f"{name}={value!r}; expected 'auto', True or False")
        _check_device(self.device)

    @property
    def skip_bad(self) -> bool:
        """Whether samples that cannot be made are left out."""
        return self.on_bad == "skip"

    @property
    def one_by_one(self) -> bool:
        """Whether samples are asked for without batches."""
        return self.batch_size is None and self.batch_sampler is None

    @property
    def has_own_order(self) -> bool:
        """Whether the loader orders the samples itself, and shares them among ranks."""
        is_sampled = self.sampler is not None or self.batch_sampler is not None
        return not is_sampled and not isinstance(self.dataset, IterableDataset)

    @property
    def process_only(self) -> str:
        """The argument that only makes sense in worker processes, or ""."""
        if self.num_workers == 0:
            return ""
        if self.worker_init_fn is not None:
            return "worker_init_fn"
        return "" if self.multiprocessing_context is None else "multiprocessing_context"


def _whole_seed(seed: Any) -> int | None:
    number = whole(seed)
    if number is None and seed is not None:
        raise UsageError(f"seed={seed!r}; expected a whole number, or None")
    return number


def _check_device(device: Any) -> None:
    """Refuse what names no device of torch; whether it is there is another question."""
    try:
        torch.device("cpu" if device is None else device)
    except (RuntimeError, TypeError) as error:
        raise UsageError(
            f"device={device!r}; expected 'cuda', 'cuda:N', 'cpu' or another device of torch, or "
            "None for main memory"
        ) from error

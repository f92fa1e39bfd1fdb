"""Where the peers that run under torch's DataLoader read from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler


class Forever(Sampler[int]):
    """Shuffled epochs of `count` samples without a pause between them."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return 1 << 40

    def __iter__(self) -> Iterator[int]:
        while True:
            yield from torch.randperm(self.count).tolist()


def endless_batches(dataset: Any, size: int, workers: int, **more: Any) -> Iterator[Any]:
    """Shuffled batches by worker processes that stay; `more` are arguments of the DataLoader."""
    order = Forever(len(dataset))
    return iter(
        DataLoader(
            dataset, size, sampler=order, num_workers=workers, persistent_workers=True, **more
        )
    )


class LmdbBytes(Dataset[Any]):
    """Files in LMDB: key ``00000042`` holds the bytes, key ``labels`` all labels, int64 each."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.transaction: Any = None
        with lmdb.open(self.path, readonly=True, lock=False) as environment:
            with environment.begin() as transaction:
                self.labels = np.frombuffer(transaction.get(b"labels"), "<i8").tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def record(self, index: int) -> Any:
        """The bytes of a file, as a view of the map."""
        if self.transaction is None:
            # In the worker: an environment must not be carried through a fork.
            environment = lmdb.open(self.path, readonly=True, lock=False, readahead=False)
            self.transaction = environment.begin(buffers=True)
        return self.transaction.get(b"%08d" % index)

    def label(self, index: int) -> int:
        """The class of a file."""
        return self.labels[index]

"""Datasets that worker processes must be able to import."""

from __future__ import annotations

import collections
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, TensorDataset

Point = collections.namedtuple("Point", ("x", "y"))


class Everything(Dataset[Any]):
    """Samples of all that a cache keeps; notes every reading as a line in a file."""

    def __init__(self, log: Path, count: int = 6) -> None:
        self.log, self.count = log, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        if not -self.count <= index < self.count:
            raise IndexError(index)
        with self.log.open("a") as file:
            file.write(f"{index}\n")
        return {
            "image": np.full((3, 4), index, np.uint8),
            "tensor": torch.full((2,), index, dtype=torch.bfloat16),
            "point": Point(index, (index / 3, [None, True, "ü\udce4", b"\x00" * index])),
            7: np.float32(index),
            "big": 10**30 + index,
            "complex": complex(index, float("inf")),
            "empty": (torch.empty(0, 3), np.empty((2, 0), "f2"), [], {}, ""),
            "words": np.array(["a", "bc"]),
            "when": np.datetime64("2026-01-01", "ns") + index,
        }

    def reads(self) -> list[int]:
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []


class Killer(Dataset[int]):
    """Ends its worker by a signal, or by leaving, at sample 3."""

    def __init__(self, how: str) -> None:
        self.how = how

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> int:
        if index == 3:
            if self.how == "exit":
                os._exit(5)
            os.kill(os.getpid(), getattr(signal, self.how))
        return index


class Faulty(Dataset[int]):
    """Fails at every third sample."""

    def __len__(self) -> int:
        return 9

    def __getitem__(self, index: int) -> int:
        if index % 3 == 1:
            raise ValueError(f"no sample {index}")
        return index


class Scaled:
    """A function for a mapped pack, that fails for one label."""

    def __call__(self, sample: Any) -> int:
        if sample.label == 2:
            raise ZeroDivisionError("label 2")
        return int(sample.label) * 10


class Pairs(Dataset[tuple[torch.Tensor, dict[str, Any]]]):
    """A dataset of the user's own, whose samples hold most of what default_collate takes."""

    def __len__(self) -> int:
        return 11

    def __getitem__(self, index: int) -> tuple[torch.Tensor, dict[str, Any]]:
        if not -11 <= index < 11:
            raise IndexError(index)
        return torch.full((2, 3), index), {"n": index, "name": f"s{index}", "x": np.float32(index)}


TENSORS = TensorDataset(torch.arange(22.0).reshape(11, 2), torch.arange(11))

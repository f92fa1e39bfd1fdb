"""The random number generators that a training loop draws from, as plain data."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

__all__ = ["preserved", "read", "restore"]


def read(device: torch.device) -> dict[str, Any]:
    """The states of torch's, Python's and NumPy's global generators, and of the GPU's."""
    version, words, gauss = random.getstate()
    numpy: Any = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        "python": [version, torch.tensor(words, dtype=torch.int64), gauss],
        "numpy": [torch.from_numpy(numpy[1].astype(np.int64)), *map(float, numpy[2:])],
    }


def restore(state: Mapping[str, Any], device: torch.device) -> None:
    """Sets the generators to what `read` gave."""
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], device)
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    keys, position, has_gauss, cached = state["numpy"]
    words = keys.numpy().astype(np.uint32)
    np.random.set_state(("MT19937", words, int(position), int(has_gauss), cached))


@contextlib.contextmanager
def preserved(device: torch.device) -> Iterator[None]:
    """What is drawn inside changes nothing outside."""
    state = read(device)
    try:
        yield
    finally:
        restore(state, device)

"""Checks of the arguments that only FastLoader has."""

from __future__ import annotations

from typing import Any

from torch.utils.data import IterableDataset

from fastdata.errors import UsageError
from fastdata.loader.progress import whole

__all__ = ["check_own", "check_words", "for_processes", "whole_seed"]


def check_own(dataset: Any, *, on_bad: Any) -> None:
    """Refuse a wrong `on_bad`.

    Raises:
        UsageError: It is no known word, or cannot work for this dataset.
    """
    if on_bad not in ("raise", "skip"):
        raise UsageError(f"on_bad={on_bad!r}; expected 'raise' or 'skip'")
    if on_bad == "skip" and isinstance(dataset, IterableDataset):
        raise UsageError(
            "on_bad='skip' cannot go on behind an error of an IterableDataset; catch it in its "
            "__iter__"
        )


def check_words(**given: Any) -> None:
    """Refuse words other than "auto", which a DataLoader would take for True.

    Raises:
        UsageError: There is one.
    """
    for name, value in given.items():
        if isinstance(value, str) and value != "auto":
            raise UsageError(f"{name}={value!r}; expected 'auto', True or False")


def whole_seed(seed: Any) -> int | None:
    """The seed as an int, from a whole number of any library.

    Raises:
        UsageError: It is none.
    """
    number = whole(seed)
    if number is None and seed is not None:
        raise UsageError(f"seed={seed!r}; expected a whole number, or None")
    return number


def for_processes(num_workers: Any, worker_init_fn: Any, multiprocessing_context: Any) -> str:
    """The argument that only makes sense in worker processes, or ""."""
    if num_workers == 0:
        return ""
    if worker_init_fn is not None:
        return "worker_init_fn"
    return "" if multiprocessing_context is None else "multiprocessing_context"

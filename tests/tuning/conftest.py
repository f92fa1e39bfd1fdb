"""Searches that are quick, and keep their results to themselves."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fastdata.tuning import trial


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that results are kept in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fastdata" / "batch_sizes"


@pytest.fixture(autouse=True)
def short_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_LEAST_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def little_to_collect() -> Iterator[None]:
    """Each trial collects garbage, and all that pytest and torch hold would be walked each time."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def one_thread_and_seed() -> Iterator[None]:
    """Threads that wait for each other on a busy machine would only make the tests slow."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)

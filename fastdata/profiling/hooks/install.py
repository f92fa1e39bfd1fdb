"""Puts all hooks in place for as long as a run is profiled."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack

from fastdata.profiling.hooks.computing import install_computing
from fastdata.profiling.hooks.fetching import install_fastloader, install_fetching
from fastdata.profiling.hooks.waiting import install_waiting

__all__ = ["install_training", "installed"]


def install_training(undo: ExitStack) -> None:
    """What a training process needs, once torch is loaded."""
    install_fetching(undo)
    install_computing(undo)
    install_waiting(undo)


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """Within it, whatever this process does is seen by the current recorder."""
    with ExitStack() as undo:
        install_training(undo)
        if "fastdata.loader.facade" in sys.modules:
            install_fastloader(undo)
        yield

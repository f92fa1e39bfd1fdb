"""Puts all hooks in place for as long as a run is profiled."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import ExitStack

from fastdata.profiling.hooks.computing import install_computing
from fastdata.profiling.hooks.engine import install_engine
from fastdata.profiling.hooks.fetching import install_epochs, install_fetching
from fastdata.profiling.hooks.handing import install_handing
from fastdata.profiling.hooks.making import install_making
from fastdata.profiling.hooks.reading import MODULES, install_module, install_opening
from fastdata.profiling.hooks.waiting import install_waiting

__all__ = ["install_fastloader", "install_training", "installed"]


def install_training(undo: ExitStack) -> None:
    """What a training process needs, once torch is loaded."""
    install_fetching(undo)
    install_computing(undo)
    install_waiting(undo)
    install_handing(undo)
    install_making(undo)
    install_opening(undo)
    for name in MODULES:
        if name in sys.modules:
            install_module(name, undo)


def install_fastloader(undo: ExitStack) -> None:
    """What there is to see once FastLoader is loaded."""
    install_epochs(undo)
    install_engine(undo)


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """Within it, whatever this process does is seen by the current recorder."""
    with ExitStack() as undo:
        install_training(undo)
        if "fastdata.loader.facade" in sys.modules:
            install_fastloader(undo)
        yield

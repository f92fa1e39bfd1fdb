"""For all tests: turns, GPUs that are promised or not there, unhurried examples, cheap forks."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import settings
from turns import KINDS, turn

# On a busy machine an example takes long and is as right.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Has children hear Ctrl+C, to which a shell makes deaf whatever it runs in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# Outermost, so that a test's own time limit does not count what it waits for its turn.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with turn(kind(item)):
        return (yield)


def kind(item: pytest.Item) -> str:
    marked = (name for name in reversed(KINDS) if item.get_closest_marker(name) is not None)
    return next(marked, "together")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts those that may not run together last: in between, all processes would wait in turn."""
    items.sort(key=lambda item: list(KINDS).index(kind(item)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("needs_gpu") is None:
        return
    import torch

    if torch.cuda.is_available():
        return
    if os.environ.get("FASTDATA_REQUIRE_GPU") == "1":
        pytest.fail("FASTDATA_REQUIRE_GPU=1, but torch sees no GPU")
    pytest.skip("torch sees no GPU")


def pytest_collection_finish() -> None:
    """What was imported stays: forked workers that collect garbage would copy all of its pages."""
    gc.collect()
    gc.freeze()

"""For all tests: GPUs that are promised or not there, and cheap forks."""

from __future__ import annotations

import gc
import os

import pytest


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

"""Tests that need a GPU skip where there is none, and fail where one was promised."""

from __future__ import annotations

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

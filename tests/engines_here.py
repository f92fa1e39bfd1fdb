"""The engines that this installation can run, for tests that hold for all of them."""

from __future__ import annotations

import importlib.util
import os

import pytest

__all__ = ["ENGINES", "has_dali", "needs_dali"]


def has_dali() -> bool:
    """Whether DALI's wheel is installed; it is not imported."""
    try:
        return importlib.util.find_spec("nvidia.dali") is not None
    except ModuleNotFoundError:
        return False


# Where a GPU was promised, DALI was too.
needs_dali = pytest.mark.skipif(
    not has_dali() and os.environ.get("FASTDATA_REQUIRE_GPU") != "1",
    reason="DALI is not installed (pip install 'fastdata[dali]')",
)

ENGINES = ["cpu", "torch", pytest.param("dali", marks=needs_dali)]

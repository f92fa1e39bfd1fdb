"""The engines that this installation can run, for tests that hold for all of them."""

from __future__ import annotations

import importlib.util
import os

import pytest

__all__ = ["ENGINES", "PLACES", "has_dali", "needs_dali"]


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

# Arguments of a loader: the engines, and DALI's on a GPU.
PLACES = [
    pytest.param({"engine": "cpu"}, id="cpu"),
    pytest.param({"engine": "torch"}, id="torch"),
    pytest.param({"engine": "dali"}, id="dali", marks=needs_dali),
    pytest.param(
        {"engine": "dali", "device": "cuda:0"},
        id="dali on a GPU",
        marks=[needs_dali, pytest.mark.needs_gpu],
    ),
]

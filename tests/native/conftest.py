"""The cores that share one contract, one at a time."""

from __future__ import annotations

import os

import pytest

from fastdata.native import Core, twin
from fastdata.native.compiled import CompiledCore
from fastdata.native.extension import compiled


@pytest.fixture(params=["twin", "compiled"])
def core(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Core:
    """The Pillow twin, then the compiled core; without one, that skips unless it is required."""
    if request.param == "twin":
        return twin
    if os.environ.get("FASTDATA_NATIVE") != "require":
        monkeypatch.setenv("FASTDATA_NATIVE", "auto")
    extension = compiled()
    if extension is None:
        pytest.skip("no compiled core in this installation")
    return CompiledCore(extension)

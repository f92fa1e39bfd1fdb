"""The cores that share one contract, one at a time."""

from __future__ import annotations

import os

import pytest

from fastdata.cores import Core, twin
from fastdata.cores.compiled_core import CompiledCore
from fastdata.native.extension import compiled


@pytest.fixture
def compiled_core(monkeypatch: pytest.MonkeyPatch) -> Core:
    """The compiled core, also where FASTDATA_NATIVE is "off"; without one, skips or fails."""
    if os.environ.get("FASTDATA_NATIVE") != "require":
        monkeypatch.setenv("FASTDATA_NATIVE", "auto")
    extension = compiled()
    if extension is None:
        pytest.skip("no compiled core in this installation")
    return CompiledCore(extension)


@pytest.fixture(params=["twin", "compiled"])
def core(request: pytest.FixtureRequest) -> Core:
    """The Pillow twin, then the compiled core."""
    found: Core = twin if request.param == "twin" else request.getfixturevalue("compiled_core")
    return found

"""Finds the optional real data beside a checkout; a test that needs it skips where it is absent."""

from __future__ import annotations

from pathlib import Path

import pytest


def real_data(name: str) -> Path:
    """The folder or file `name` of the shared data, looked for in every parent folder."""
    for parent in Path(__file__).resolve().parents:
        found = parent / "shared" / "data" / name
        if found.exists():
            return found
    pytest.skip(f"the real data {name!r} is not beside this checkout")

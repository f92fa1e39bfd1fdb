"""What a loader says where DALI was asked for and is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fastdata import FastLoader, transforms

SCRIPT = """
import sys
# What is None cannot be imported, as if it were not installed.
sys.modules["nvidia"] = None
sys.modules["nvidia.dali"] = None
from fastdata import FastLoader, transforms
from fastdata.errors import UsageError
crops = [transforms.RandomResizedCrop(16)]
try:
    FastLoader(sys.argv[1], 2, transforms=crops, engine="dali", device=sys.argv[2])
except UsageError as error:
    print(error)
"""


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_missing_wheel_is_told_with_its_remedy(photos: Path, device: str) -> None:
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(photos), device],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith("engine='dali': DALI is not installed; pip install 'fastdata[")
    assert "engine='auto' does without DALI" in found.stdout


def test_dali_is_not_imported_unless_it_is_asked_for(photos: Path) -> None:
    code = (
        "import sys; from fastdata import FastLoader, transforms\n"
        "list(FastLoader(sys.argv[1], 4, transforms=[transforms.RandomResizedCrop(16)]))\n"
        "print([name for name in sys.modules if name.startswith('nvidia.dali')])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(photos)], capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


def test_auto_does_not_take_it(photos: Path) -> None:
    loader = FastLoader(photos, 2, transforms=[transforms.RandomResizedCrop(16)])
    assert loader.explain().engine == "cpu"

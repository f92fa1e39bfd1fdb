"""Two made-up GPUs: a driver library for machines without one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["build_nvml_stub"]

SOURCE = Path(__file__).with_name("nvml_stub.c")


def build_nvml_stub(folder: Path) -> dict[str, str]:
    """Builds the library; the environment in which a process finds it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return {"LD_LIBRARY_PATH": str(folder)}

"""What keeps torch from using a GPU here, and what to do about it."""

from __future__ import annotations

import os
from typing import Any, Final

import torch

__all__ = ["no_gpu"]

# The oldest Linux drivers that run programs of a CUDA version, from NVIDIA's compatibility table.
_DRIVERS: Final = {"11": "450.80.02", "12": "525.60.13", "13": "580.65.06"}


def no_gpu(device: Any) -> str | None:
    """Why torch cannot reach this CUDA device, with the remedy; None when it can.

    Args:
        device: Anything that `torch.device` takes, of type "cuda".
    """
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = torch.device(device).index or 0
    if index < found:
        return None
    if found:
        return f"{device} is not there; torch sees {found} GPU(s), from cuda:0 on"
    if torch.version.cuda is None and torch.version.hip is None:
        return (
            f"torch {torch.__version__} is built without CUDA; pip install --force-reinstall torch "
            "--index-url https://download.pytorch.org/whl/cu130 (cu126 for older drivers) has it"
        )
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={visible!r} hides all GPUs; unset it, or name one: 0"
    version = str(torch.version.cuda)
    driver = _DRIVERS.get(version.split(".")[0], "one")
    return (
        f"torch {torch.__version__} sees no GPU; nvidia-smi must list one, with driver {driver} or "
        f"later for CUDA {version}"
        + (f", and CUDA_VISIBLE_DEVICES={visible!r} must name it" if visible is not None else "")
    )

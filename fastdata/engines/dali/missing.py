"""What keeps DALI from running here, and what to do about it."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from fastdata.engines.gpus import no_gpu

__all__ = ["missing"]

_INSTALL = (
    "pip install 'fastdata[dali]' (for drivers of CUDA 13) or 'fastdata[dali-cuda12]' adds it, on "
    "Linux"
)


def missing(device: Any) -> str | None:
    """Why the DALI engine cannot make batches for `device`, with the remedy; None when it can.

    Imports DALI, where it is installed.

    Args:
        device: Anything that `torch.device` takes, or None for main memory.
    """
    return _no_wheel() or _no_device(device)


def _no_wheel() -> str | None:
    try:
        importlib.import_module("fastdata.engines.dali.pipeline")
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] == "nvidia":
            return f"DALI is not installed; {_INSTALL}"
        return f"DALI lacks the module {error.name}; install it again: {_INSTALL}"
    except (ImportError, OSError) as error:
        return f"DALI is installed but cannot be loaded ({error}); install it again: {_INSTALL}"
    return None


def _no_device(device: Any) -> str | None:
    kind = "cpu" if device is None else torch.device(device).type
    if kind == "cpu":
        return None
    if kind != "cuda":
        return f"DALI makes batches on 'cuda' or 'cpu', not on {kind!r}; use engine='cpu'"
    lacking = no_gpu(device)
    return lacking and f"{lacking}; or leave device= out to run DALI on the CPU"

"""Packs, fast batches and true timing for PyTorch training.

Names are resolved on first use, so that ``import fastdata`` loads neither torch, h5py nor lmdb.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastdata import transforms as transforms
    from fastdata.converters import convert as convert
    from fastdata.errors import FastDataError as FastDataError
    from fastdata.loader import FastLoader as FastLoader
    from fastdata.loader import cache as cache
    from fastdata.monitoring import Monitor as Monitor
    from fastdata.packs import create_pack as create_pack
    from fastdata.packs import open_pack as open_pack
    from fastdata.profiling import Profiler as Profiler
    from fastdata.schema import Array as Array
    from fastdata.schema import Bytes as Bytes
    from fastdata.schema import DistanceMap as DistanceMap
    from fastdata.schema import Image as Image
    from fastdata.schema import Label as Label
    from fastdata.schema import Mask as Mask
    from fastdata.schema import Scalar as Scalar
    from fastdata.schema import Schema as Schema
    from fastdata.schema import Text as Text
    from fastdata.schema import Window as Window
    from fastdata.training import TrainConfig as TrainConfig
    from fastdata.training import Trainer as Trainer
    from fastdata.tuning import find_batch_size as find_batch_size
    from fastdata.tuning import halve_on_oom as halve_on_oom
    from fastdata.tuning import suggest_config as suggest_config

__version__ = "0.1.0"

_HOME = {
    "FastLoader": "fastdata.loader",
    "cache": "fastdata.loader",
    "convert": "fastdata.converters",
    "create_pack": "fastdata.packs",
    "open_pack": "fastdata.packs",
    "FastDataError": "fastdata.errors",
    "Monitor": "fastdata.monitoring",
    "Profiler": "fastdata.profiling",
    "TrainConfig": "fastdata.training",
    "Trainer": "fastdata.training",
    "find_batch_size": "fastdata.tuning",
    "halve_on_oom": "fastdata.tuning",
    "suggest_config": "fastdata.tuning",
} | dict.fromkeys(
    "Schema Image Mask DistanceMap Array Scalar Label Text Bytes Window".split(),
    "fastdata.schema",
)

__all__ = [*_HOME, "transforms"]


def __getattr__(name: str) -> Any:
    if name == "transforms":
        return importlib.import_module("fastdata.transforms")
    if name not in _HOME:
        raise AttributeError(f"module 'fastdata' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

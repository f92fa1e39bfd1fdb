"""Versions that decide what works: Python, torch, the core, Pillow, DALI."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from collections.abc import Iterable
from importlib import metadata

from PIL import __version__ as pillow_version
from PIL import features

from fastdata.checkup.finding import Finding
from fastdata.cores import core
from fastdata.errors import UsageError
from fastdata.native.extension import compiled, reason

__all__ = ["dali", "installed_version", "libjpeg", "native_core", "pillow", "python", "torch"]

OLDEST_PYTHON = (3, 11)


def python() -> Finding:
    """The interpreter's version."""
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < OLDEST_PYTHON:
        return Finding("Python", "fail", found, "install Python 3.11 or newer")
    return Finding("Python", "ok", found)


def torch() -> Finding:
    """Whether torch can be imported, and which one it is."""
    try:
        version = importlib.import_module("torch").__version__
    except (ImportError, OSError) as error:  # OSError: a library that it links is missing
        return Finding(
            "torch", "fail", f"cannot be imported: {error}", "install it again; see pytorch.org"
        )
    return Finding("torch", "ok", str(version))


def native_core() -> Finding:
    """Whether batches are decoded by the compiled core, and why not."""
    try:
        if compiled() is not None:
            return Finding("native core", "ok", core().NAME)
        found = f"{core().NAME}: {reason()}"
    except UsageError as error:
        return Finding(
            "native core", "fail", str(error), "unset FASTDATA_NATIVE, or set it to auto"
        )
    if os.environ.get("FASTDATA_NATIVE") == "off":
        return Finding("native core", "warn", found, "unset FASTDATA_NATIVE")
    return Finding(
        "native core",
        "warn",
        found,
        "install a C++17 compiler and the headers of libjpeg-turbo, then fastdata again",
    )


def pillow() -> Finding:
    """Pillow or Pillow-SIMD, and whether both are installed over each other."""
    both = [name for name in ("pillow", "pillow-simd") if installed_version(name) is not None]
    is_simd = "post" in pillow_version  # Pillow-SIMD numbers its releases 12.1.1.post0
    found = f"{'Pillow-SIMD' if is_simd else 'Pillow'} {pillow_version}"
    if len(both) == 2:
        return Finding(
            "Pillow",
            "warn",
            f"{found}, but Pillow and Pillow-SIMD are installed over each other",
            "pip uninstall pillow pillow-simd, then install one of them",
        )
    return Finding("Pillow", "ok", found)


def libjpeg() -> Finding:
    """The JPEG library that Pillow decodes with; that of the core is named with the core."""
    version = features.version_feature("libjpeg_turbo")
    if version is None:
        return Finding(
            "libjpeg-turbo",
            "warn",
            f"Pillow is built with libjpeg {features.version_codec('jpg')}, without turbo",
            "pip install --force-reinstall pillow (its wheels have libjpeg-turbo)",
        )
    return Finding("libjpeg-turbo", "ok", f"{version} in Pillow")


def dali(*, gpu: bool) -> Finding:
    """Whether DALI is installed; it is optional, and not imported here.

    Args:
        gpu: Whether there is a GPU that it could decode on.
    """
    names = _distributions("nvidia-dali-cuda")
    if names:
        return Finding("DALI", "ok", ", ".join(names))
    hint = "; pip install 'fastdata[dali]' adds decoding on the GPU" if gpu else ""
    return Finding("DALI", "ok", f"not installed, and optional{hint}")


def installed_version(distribution: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _distributions(prefix: str) -> list[str]:
    found: Iterable[metadata.Distribution] = metadata.distributions()
    names = {(str(item.metadata["Name"]), item.version) for item in found if item.metadata["Name"]}
    return sorted(f"{name} {version}" for name, version in names if name.startswith(prefix))

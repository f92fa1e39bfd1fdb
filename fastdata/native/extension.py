"""Finds the compiled core of this installation, as FASTDATA_NATIVE says."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from fastdata.errors import UsageError

_core: ModuleType | None
try:
    _core = importlib.import_module("fastdata.native._core")
except ImportError as error:
    _core, _missing = None, str(error)

__all__ = ["compiled", "reason"]

_CHOICES = ("auto", "require", "off")


def compiled() -> ModuleType | None:
    """The compiled core, or None where it is switched off or was not built.

    Raises:
        UsageError: FASTDATA_NATIVE has another value than auto, require or off, or requires a
            compiled core that is not there.
    """
    choice = os.environ.get("FASTDATA_NATIVE") or "auto"
    if choice not in _CHOICES:
        raise UsageError(f"FASTDATA_NATIVE is {choice!r}; expected one of {', '.join(_CHOICES)}")
    if choice == "off":
        return None
    if choice == "require" and _core is None:
        raise UsageError(
            f"FASTDATA_NATIVE is 'require', but this installation has no compiled core "
            f"({_missing}); install fastdata again with a C++ compiler and the headers of "
            "libjpeg-turbo, or set it to 'auto' to use the Pillow twin"
        )
    return _core


def reason() -> str:
    """Why `compiled` gives what it gives, for people."""
    if compiled() is not None:
        return "whole batches in C++, on threads that sleep between batches, apart from torch's"
    if _core is not None:
        return "FASTDATA_NATIVE is off"
    return f"the compiled core cannot be loaded ({_missing}); install fastdata again"

"""Whose code an import path leads to, and which of it a config may call.

A config must not turn into a script by naming ``os:system``, ``yaml:unsafe_load`` or whatever else
is installed. What counts is where an object was defined, not the path that leads to it:

- of modules of the user's own, all classes and functions; those are all that lie neither in a
  ``site-packages`` folder, nor in Python's, nor in fastdata's;
- of installed packages, classes of models, losses, optimizers and datasets, and the functions
  of `FUNCTION_MODULES`;
- of Python itself, nothing.

This limits what a config can call, not what the user's modules do: a named module is imported, and
runs then, as does what it imports. A config and the modules beside it are to be trusted alike.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
import sysconfig
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.utils.data import Dataset

from fastdata.errors import UsageError

__all__ = ["FUNCTION_MODULES", "check_module", "check_object"]

FUNCTION_MODULES = (
    "torch.nn.functional",
    "torchvision.models",
    "torchvision.ops",
    "fastdata.packs.opening",
)
"""Modules, with those below them, of which a config may call functions."""

_CLASSES = (nn.Module, Optimizer, Dataset)
_FOLDERS_OF_INSTALLED = frozenset({"site-packages", "dist-packages"})
_PYTHON = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
_WAY_OUT = "write a function that calls it into a module of your own, beside the config"


def check_module(name: str, *, key: str) -> None:
    """Refuses a module of Python itself before it is imported, and so before it runs.

    Args:
        name: Of the module.
        key: Where the config names it.

    Raises:
        UsageError: It is one.
    """
    if _leads_to_python(name.partition(".")[0]):
        raise UsageError(
            f"{key}: {name!r} is a module of Python itself, which a config may not call; if it is "
            "one of yours, give it another name"
        )


def _leads_to_python(top: str) -> bool:
    if top == "__main__":
        return True
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # the import that follows says it better
        return False
    # Some systems leave parts of the standard library out, such as idlelib.
    return top in sys.stdlib_module_names if spec is None else _is_of_python(spec.origin)


def check_object(found: Any, *, path: str, key: str) -> None:
    """Refuses what a config may not call.

    Args:
        found: Something that can be called.
        path: That led to it.
        key: Where the config names it.

    Raises:
        UsageError: It is neither of the user's own, nor a class or function as above.
    """
    origin = _origin(found)
    module = getattr(origin, "__module__", None) or "builtins"
    if _is_own(module) or (inspect.isclass(origin) and issubclass(origin, _CLASSES)):
        return
    if inspect.isroutine(origin) and _is_below(module, FUNCTION_MODULES):
        return
    told = f"{module}.{getattr(origin, '__qualname__', type(origin).__name__)}"
    raise UsageError(
        f"{key}: {path} leads to {told}; a config may call your own modules, and models, losses, "
        f"optimizers and datasets of installed packages; {_WAY_OUT}"
    )


def _origin(found: Any) -> Any:
    """The class or function behind bound methods, partial calls and callable objects."""
    while True:
        if isinstance(found, functools.partial):
            found = found.func
        elif inspect.ismethod(found):
            found = found.__func__
        elif getattr(found, "__module__", None) is None and hasattr(found, "__objclass__"):
            found = found.__objclass__  # a method of a class that is written in C
        elif inspect.isclass(found) or inspect.isroutine(found):
            return found
        elif "__module__" in getattr(found, "__dict__", {}):
            return found  # a decorator that keeps the name of what it wraps
        else:
            found = type(found)


def _is_own(module: str) -> bool:
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or _is_of_python(file) or _is_below(module, ("fastdata",)):
        return False
    return not _FOLDERS_OF_INSTALLED & set(Path(file).resolve().parts)


def _is_of_python(origin: str | None) -> bool:
    """Whether a module's file, or what stands in for one, is of the standard library."""
    if origin in ("built-in", "frozen"):
        return True
    if origin is None:  # a folder of modules; Python has none
        return False
    path = Path(origin).resolve()
    is_installed = bool(_FOLDERS_OF_INSTALLED & set(path.parts))
    return not is_installed and not _PYTHON.isdisjoint(path.parents)


def _is_below(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)

"""Imports what a config names: ``package.module:Name``, never an expression.

The module is imported, and runs then; `fastdata.config.origins` says what of it may be called.
"""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from pathlib import Path
from typing import Any

from fastdata.config.models import Target
from fastdata.config.origins import check_module, check_object
from fastdata.errors import FastDataError, UsageError

__all__ = ["build", "import_from", "import_target"]


def import_from(folder: Path) -> None:
    """Lets modules in a folder be imported, before installed ones of the same name."""
    text = str(folder.resolve())
    if text not in sys.path:
        sys.path.insert(0, text)


def import_target(target: Target, *, key: str) -> Any:
    """The class or function that a target names.

    Args:
        target: What to import.
        key: Where it is named, such as "model".

    Raises:
        UsageError: The module cannot be imported, has no such name, or a config may not call it.
    """
    module_name, _, name = target.path.partition(":")
    check_module(module_name, key=key)
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise UsageError(
            f"{key}: cannot import {module_name!r} ({_told(error)}); modules are looked for beside "
            "the config and among the installed packages"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, dir(found), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"{key}: {module_name} has no {name!r}{hint}")
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(
            f"{key}: {target.path} is a {type(found).__name__}; expected a class or a function"
        )
    check_object(found, path=target.path, key=key)
    return found


def build(target: Target, *positional: Any, key: str) -> Any:
    """What the named class or function gives for the arguments.

    Args:
        target: What to import, with its keyword arguments.
        positional: Arguments before them.
        key: Where it is named.

    Raises:
        UsageError: It cannot be imported, or the call fails.
    """
    function = import_target(target, key=key)
    try:
        return function(*positional, **target.args)
    except FastDataError:
        raise
    except Exception as error:
        given = ", ".join(f"{name}={value!r}" for name, value in target.args.items())
        raise UsageError(f"{key}: {target.path}({given}) failed ({_told(error)})") from error


def _told(error: Exception) -> str:
    """An error on one line, with the place in the user's file where it happened."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, SyntaxError):
        return said
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and frame.filename != __file__
    ]
    inside = frames and not frames[-1].filename.endswith("importlib/__init__.py")
    return f"{said}, {Path(frames[-1].filename).name}:{frames[-1].lineno}" if inside else said

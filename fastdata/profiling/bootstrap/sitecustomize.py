"""Started by Python itself in every process of a profiled command, before its first line.

The folder of this file stands first in PYTHONPATH. It makes way for whatever file of this name the
environment has of its own, and waits for torch to be imported.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import PathFinder

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def _make_way() -> None:
    """Runs the environment's own file of this name, as if this one were not there."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _FOLDER]
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def _begin() -> None:
    try:
        from fastdata.profiling.awaiting import await_torch
    except ImportError:  # another Python, without fastdata: the watcher sees that nothing came
        return
    await_torch()


_make_way()
if "FASTDATA_PROFILE" in os.environ:
    _begin()

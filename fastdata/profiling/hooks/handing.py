"""Sees batches handed over by ``queue.SimpleQueue``, which waits in C and lets nobody in between.

Its class cannot be changed, so one derived from it takes its name wherever a module knows it.
Queues made before stay as they are: what is waited for in them is not seen.
"""

from __future__ import annotations

import queue
import sys
import threading
from contextlib import ExitStack
from types import ModuleType
from typing import Any

from fastdata.profiling.hooks.waiting import wait_for

__all__ = ["install_handing"]

_Original = queue.SimpleQueue


def install_handing(undo: ExitStack) -> None:
    """Watches every SimpleQueue made from here on."""
    _rename(_Original, _Watched)
    undo.callback(_rename, _Watched, _Original)


class _Kind(type):
    """Takes all that are of the original class for its own, as the script does."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, _Original)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _Original)


class _Watched(_Original, metaclass=_Kind):  # type: ignore[type-arg]
    """A SimpleQueue that remembers who has put the last batch into it.

    `get_nowait` is as it was: whoever asks by it waits somewhere else, which is not seen.
    """

    _fastdata_putter: int | None = None

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self._fastdata_putter = threading.get_ident()
        super().put(item, block, timeout)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        take = super().get
        if not block:
            return take(block, timeout)
        return wait_for(lambda: take(block, timeout), lambda: self._fastdata_putter)


_Watched.__module__, _Watched.__doc__ = _Original.__module__, _Original.__doc__
_Watched.__name__ = _Watched.__qualname__ = _Original.__name__


def _rename(old: type, new: type) -> None:
    for module in list(sys.modules.values()):
        # A module that is loaded when it is first asked for something is not asked here.
        names = object.__getattribute__(module, "__dict__") if _is_module(module) else {}
        if module is sys.modules[__name__] or module is sys.modules.get("_queue"):
            continue
        for name in [name for name, value in list(names.items()) if value is old]:
            names[name] = new


def _is_module(found: object) -> bool:
    return issubclass(type(found), ModuleType)

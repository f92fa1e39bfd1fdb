"""Acts when a module has been imported by a script that knows nothing of it."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["ImportWatch", "await_torch"]


# `fastdata.profiling.hooks.reading.MODULES`, which must not be loaded before torch.
_READERS = ("PIL.Image", "PIL.ImageFile", "cv2", "torchvision.io.image")


class ImportWatch(MetaPathFinder):
    """Calls a function once a module is imported.

    Args:
        actions: By full module names.
    """

    def __init__(self, actions: dict[str, Callable[[], None]]) -> None:
        self._actions = actions
        self._sought: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The spec that others find, with a loader that tells when it is done."""
        if fullname not in self._actions or fullname in self._sought:
            return None
        self._sought.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._sought.discard(fullname)
        # Whoever only asks whether there is such a module does not load it.
        if spec is not None and spec.loader is not None:
            spec.loader = _Telling(spec.loader, self._actions[fullname])
        return spec


class _Telling(Loader):
    """Loads as another loader does, which the module then has as its own."""

    def __init__(self, loader: Any, action: Callable[[], None]) -> None:
        self._loader = loader
        self._action = action

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._action()


def await_torch() -> None:
    """Begins to record in this process once torch is imported, and sees FastLoader come."""
    actions = {"torch": _begin, "fastdata.loader.facade": _watch_fastloader}
    # What was imported before torch is found when torch comes.
    actions |= {name: functools.partial(_watch, name) for name in _READERS}
    sys.meta_path.insert(0, ImportWatch(actions))


def _begin() -> None:
    from fastdata.profiling import child

    child.begin()


def _watch(name: str) -> None:
    if "torch" in sys.modules:
        from fastdata.profiling import child

        child.watch_module(name)


def _watch_fastloader() -> None:
    from fastdata.profiling import child

    child.watch_fastloader()

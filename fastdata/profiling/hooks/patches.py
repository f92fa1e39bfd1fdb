"""Functions put in the place of others, and taken away again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

__all__ = ["Around", "Layer", "put_around"]

_NOTHING = object()

Around = Callable[[Any], Any]
"""Gets the function that was there, and gives the one to call instead."""


def put_around(owner: Any, name: str, around: Around, *, undo: ExitStack) -> None:
    """Replaces ``owner.name``; `undo` puts back what was there.

    Args:
        owner: A class or module.
        name: Of a function in it, or in a class it derives from.
        around: Makes the new function.
        undo: Closed when profiling ends.
    """
    place = _Place(owner, name)
    place.put(place.around(around))
    undo.callback(place.restore)


class Layer:
    """Functions that stand around others only while they are needed.

    Attributes:
        is_laid: Whether they do.
    """

    def __init__(self) -> None:
        self._places: dict[_Place, tuple[Any, Any]] = {}
        self.is_laid = True

    def put_around(
        self,
        owner: Any,
        name: str,
        around: Around,
        *,
        undo: ExitStack,
        lifted: Around | None = None,
    ) -> None:
        """As the function of this name.

        Args:
            owner: See there.
            name: See there.
            around: See there.
            undo: See there.
            lifted: Makes what stands there instead while the layer is lifted; the original if None.
        """
        self.lay(True)
        place = _Place(owner, name)
        laid = place.around(around)
        self._places[place] = laid, place.original if lifted is None else place.around(lifted)
        place.put(laid)

        def restore() -> None:
            del self._places[place]
            place.restore()

        undo.callback(restore)

    def has(self, owner: Any, name: str) -> bool:
        """Whether one of them has its place at ``owner.name``."""
        return any(place.is_at(owner, name) for place in self._places)

    def lay(self, wanted: bool) -> None:
        """Puts them in place, or takes them away."""
        self.is_laid = wanted
        for place, (laid, lifted) in list(self._places.items()):
            place.put(laid if wanted else lifted)


class _Place:
    """Where a function is looked up."""

    def __init__(self, owner: Any, name: str) -> None:
        self._owner = owner
        self._name = name
        self._is_own = name in vars(owner)
        self.original = vars(owner)[name] if self._is_own else getattr(owner, name)
        self._standing = self._found()

    def _found(self) -> Any:
        return vars(self._owner).get(self._name, _NOTHING)

    def is_at(self, owner: Any, name: str) -> bool:
        """Whether that is ``owner.name``."""
        return self._owner is owner and self._name == name

    def around(self, around: Around) -> Any:
        """What `around` makes of the function that was there."""
        replacement = around(self.original)
        functools.update_wrapper(replacement, self.original)
        return replacement

    def put(self, function: Any) -> None:
        """Has `function` stand there, unless somebody put one of their own around what did."""
        if self._found() is not self._standing:
            return
        if function is self.original and not self._is_own:
            if self._standing is not _NOTHING:
                delattr(self._owner, self._name)
            self._standing = _NOTHING
        else:
            setattr(self._owner, self._name, function)
            self._standing = function

    def restore(self) -> None:
        """Puts back what was there."""
        self.put(self.original)

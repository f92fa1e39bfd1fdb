"""Functions put in the place of others, and taken away again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

__all__ = ["Around", "put_around"]

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
    is_own = name in vars(owner)
    original = vars(owner)[name] if is_own else getattr(owner, name)
    replacement = around(original)
    functools.update_wrapper(replacement, original)
    setattr(owner, name, replacement)

    def restore() -> None:
        # Somebody may have put a function of their own around this one meanwhile.
        if vars(owner).get(name) is not replacement:
            return
        if is_own:
            setattr(owner, name, original)
        else:
            delattr(owner, name)

    undo.callback(restore)

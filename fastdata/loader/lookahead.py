"""Batches that are sent one ahead of the one that is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any

__all__ = ["one_ahead"]


def one_ahead(batches: Iterator[Any], send: Callable[[Any], Any]) -> Generator[Any]:
    """What `send` gives of each batch, the next one sent before the last is handed out.

    Raises:
        Exception: What making or sending a batch raised, when its turn has come.
    """
    waiting: deque[Any] = deque()
    failure: Exception | None = None
    while True:
        try:
            waiting.append(send(next(batches)))
        except StopIteration:
            break
        except Exception as error:
            failure = error
            break
        if len(waiting) > 1:
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()
    if failure is not None:
        raise failure

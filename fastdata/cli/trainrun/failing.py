"""Whose fault an error of a training run is: the user's model, the memory, or fastdata."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

import fastdata.errors
from fastdata.errors import FastDataError, UsageError, WorkerError
from fastdata.tuning import is_out_of_memory

__all__ = ["explained"]

_OWN_FOLDER = Path(fastdata.errors.__file__).parent


@contextlib.contextmanager
def explained(batch_size: int, folder: Path) -> Iterator[None]:
    """Turns what the model, the loss or the step function raises into one line.

    Args:
        batch_size: For the message when memory runs out.
        folder: Of the config, where the user's files are.

    Raises:
        UsageError: Their code failed.
        WorkerError: Memory ran out.
    """
    try:
        yield
    except (FastDataError, OSError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise WorkerError(
                f"memory ran out at a batch of {batch_size}; find one that fits by --auto-batch, "
                "or use --preset memory"
            ) from error
        frames = traceback.extract_tb(error.__traceback__)
        if _OWN_FOLDER in Path(frames[-1].filename).parents:
            raise
        said = " ".join(str(error).split())
        raise UsageError(
            f"the model, loss or step function failed: {type(error).__name__}: {said}"
            f"{_where(frames, folder)}; --debug shows the whole trace"
        ) from error


def _where(frames: traceback.StackSummary, folder: Path) -> str:
    for frame in reversed(frames):
        if folder.resolve() in Path(frame.filename).resolve().parents:
            return f" ({Path(frame.filename).name}:{frame.lineno}, in {frame.name})"
    return ""

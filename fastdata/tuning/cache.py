"""Results of earlier searches, one small JSON file each in the user's cache folder."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastdata.tuning.records import BatchSizeResult, Trial

__all__ = ["cache_folder", "cache_key", "load", "store"]

# A larger file is none of ours.
_MOST_BYTES = 1 << 20


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/fastdata/batch_sizes``, below ``~/.cache`` when that is not set.

    Source: XDG Base Directory Specification 0.8, which also says that relative paths are ignored.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(named) if os.path.isabs(named) else Path.home() / ".cache"
    return root / "fastdata" / "batch_sizes"


def cache_key(parts: Mapping[str, Any]) -> str:
    """A file name for everything that a result depends on."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def load(key: str) -> BatchSizeResult | None:
    """The result that was stored under `key`; None, with a warning, when it cannot be read."""
    path = cache_folder() / f"{key}.json"
    try:
        with path.open("rb") as stream:
            return _from_json(json.loads(stream.read(_MOST_BYTES)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        warnings.warn(
            f"ignored {path}, which is no result of a batch-size search "
            f"({type(error).__name__}: {error}); it will be written anew",
            stacklevel=2,
        )
        return None


def store(key: str, result: BatchSizeResult) -> None:
    """Keeps `result`, whole or not at all; a cache that cannot be written is no error."""
    folder = cache_folder()
    text = json.dumps(dataclasses.asdict(result), indent=1)
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=f"{key}.", suffix=".tmp")
        try:
            with open(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
            os.replace(name, folder / f"{key}.json")
        except OSError:
            os.unlink(name)
            raise


def _from_json(found: Any) -> BatchSizeResult:
    wanted = {field.name for field in dataclasses.fields(BatchSizeResult)}
    if not isinstance(found, dict) or set(found) != wanted:
        raise ValueError("its keys are others")
    trials = tuple(Trial(**trial) for trial in found["trials"])
    for record in (*trials, found):
        _check_numbers(record if isinstance(record, dict) else vars(record))
    return BatchSizeResult(**{**found, "trials": trials, "is_cached": True})


def _check_numbers(values: Mapping[str, Any]) -> None:
    for name in ("batch_size", "accumulate", "global_batch", "target_bytes", "peak_bytes"):
        value = values.get(name, 1)
        if type(value) is not int or value < 0:
            raise ValueError(f"{name} is {value!r}")
    seconds = values.get("seconds", 0.0)
    if not isinstance(seconds, float | int) or not 0 <= seconds < float("inf"):
        raise ValueError(f"seconds is {seconds!r}")

"""One checkpoint: a folder with plain data, its hash, and what it is of.

::

    step-00000042/
      state.pt          torch.load(..., weights_only=True) reads it: ["model"] is the state_dict
      checkpoint.json   format, size and SHA-256 of state.pt, and facts about it

The folder is written under another name, synced to the disk and renamed, so under its own name it
is whole or not there. Nothing in it is run: state.pt is refused unless its hash fits, and what is
not plain data is refused by torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fastdata.errors import CheckpointError, StorageError
from fastdata.packs.publish import sync_folder, sync_tree

__all__ = ["Facts", "load", "read_facts", "save"]

STATE = "state.pt"
FACTS = "checkpoint.json"
FORMAT = 1
# Exactly these: torch refuses to load what is derived from them, such as NumPy's float64.
_PLAIN = (Tensor, nn.Parameter, bool, int, float, str, bytes, torch.Size, torch.dtype, torch.device)
_ADVICE = "use an older checkpoint, or train again"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a checkpoint without reading it.

    Attributes:
        step: Steps done.
        number: One more than that of the checkpoint saved before it in this folder.
        monitor: Name of the metric that tells the best one.
        value: Its value at this step, or None when it was not evaluated here.
        size_bytes: Of the state's file.
        sha256: Of the state's file, in hexadecimal.
        format: Version of this format.
    """

    step: int
    number: int
    monitor: str
    value: float | None
    size_bytes: int
    sha256: str
    format: int = FORMAT


def save(
    folder: Path,
    state: Mapping[str, Any],
    *,
    step: int,
    number: int,
    monitor: str,
    value: float | None,
) -> Facts:
    """Writes a checkpoint; when this returns it is on the disk.

    Args:
        folder: The checkpoint's own; one that is there already is replaced.
        state: Plain data: tensors, numbers, text, None, and lists, tuples and dicts of them.
        step: See `Facts`.
        number: See `Facts`.
        monitor: See `Facts`.
        value: See `Facts`.

    Raises:
        CheckpointError: The state holds something else.
        StorageError: The system refused.
    """
    _check_plain(state, "state")
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        torch.save(dict(state), partial / STATE)
        facts = Facts(
            step=step,
            number=number,
            monitor=monitor,
            value=value,
            size_bytes=(partial / STATE).stat().st_size,
            sha256=_digest(partial / STATE),
        )
        (partial / FACTS).write_text(json.dumps(asdict(facts), indent=2) + "\n", encoding="utf-8")
        sync_tree(partial)
        _put_in_place(partial, folder)
    except (OSError, RuntimeError) as error:  # torch's writer tells of a full disk by the latter
        shutil.rmtree(partial, ignore_errors=True)
        raise StorageError(
            f"cannot save the checkpoint {folder}: {error}; free some space, or choose another "
            "folder",
            getattr(error, "errno", None),
        ) from error
    return facts


def _put_in_place(partial: Path, folder: Path) -> None:
    """Renames; until that is done, what was there before can be loaded under another name."""
    before = folder.with_name(f"{folder.name}.replaced")
    if folder.exists():
        shutil.rmtree(before, ignore_errors=True)
        os.rename(folder, before)
    os.rename(partial, folder)
    sync_folder(folder.parent)
    if before.exists():
        shutil.rmtree(before)


def read_facts(folder: Path) -> Facts:
    """What a checkpoint says about itself.

    Raises:
        CheckpointError: It says nothing that can be understood.
    """
    path = folder / FACTS
    try:
        facts = Facts(**json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CheckpointError(
            f"{folder} is no checkpoint: {FACTS} cannot be read ({error.strerror}); {_ADVICE}"
        ) from error
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged: {error}; {_ADVICE}") from error
    if facts.format != FORMAT:
        raise CheckpointError(
            f"{folder} has format {facts.format}; this fastdata reads {FORMAT}; use the version "
            "that wrote it"
        )
    return facts


def load(folder: Path) -> dict[str, Any]:
    """The state of a checkpoint, its tensors in main memory.

    Raises:
        CheckpointError: It is not what was saved, or holds more than plain data.
    """
    facts, path = read_facts(folder), folder / STATE
    try:
        found_bytes, found = path.stat().st_size, _digest(path)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}; {_ADVICE}") from error
    if found_bytes != facts.size_bytes:
        raise CheckpointError(
            f"{path} has {found_bytes} bytes instead of {facts.size_bytes}; {_ADVICE}"
        )
    if found != facts.sha256:
        raise CheckpointError(f"{path} differs from what was saved (SHA-256); {_ADVICE}")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(
            f"{path} holds more than plain data, and is not read: it was not saved by fastdata; "
            f"{_ADVICE}"
        ) from error
    return state


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_plain(value: Any, name: str) -> None:
    """Refuses at once what `load` would refuse when it is too late."""
    if type(value) in (dict, OrderedDict):
        for key, part in value.items():
            _check_plain(part, f"{name}[{key!r}]")
    elif type(value) in (list, tuple):
        for place, part in enumerate(value):
            _check_plain(part, f"{name}[{place}]")
    elif value is not None and type(value) not in _PLAIN:
        raise CheckpointError(
            f"{name} is a {type(value).__name__}, which a checkpoint does not hold; keep tensors, "
            "numbers and text in the state of the model, optimizer and loader"
        )

"""What a conversion reports: how far it is, what it made, and which items it had to leave out."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fastdata.errors import StorageError
from fastdata.schema import Schema

__all__ = ["ConversionSummary", "Phase", "Progress", "write_rejects"]

Phase = Literal["scan", "convert", "build", "check"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a conversion stands; handed to the caller after every item, and often after that.

    Attributes:
        phase: "scan" (first look at the files), "convert", "build" (the pack from what was
            converted) or "check" (reading it back).
        done: Items finished in this phase, those of an interrupted run included; while building
            and checking, the share of the bytes that is done, in items.
        total: Items in all.
        rejected: Items left out so far.
        bytes: Source bytes read so far.
        seconds: Time since the conversion began.
    """

    phase: Phase
    done: int
    total: int
    rejected: int
    bytes: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ConversionSummary:
    """The result of a conversion.

    Attributes:
        out: The pack.
        backend: "lmdb" or "hdf5".
        layout: The layout that was used.
        layout_reason: Why.
        schema: The pack's schema.
        inputs: Items found in the source; always `count` + `rejected`.
        count: Samples in the pack.
        rejected: Items left out.
        rejects_path: Where they are listed with their reasons; None when there are none.
        rejects_by_error: Their number by kind of error.
        scale: For pairs, the factor between the two sizes.
        seconds: Time taken.
        source_bytes: Bytes read from image and mask files (in this run).
        pack_bytes: Size of the pack on disk.
        resumed_from: Items that an interrupted run had finished; 0 for a new run.
        notes: How the source was understood, one remark each.
    """

    out: Path
    backend: str
    layout: str
    layout_reason: str
    schema: Schema
    inputs: int
    count: int
    rejected: int
    rejects_path: Path | None
    rejects_by_error: dict[str, int]
    scale: int | None
    seconds: float
    source_bytes: int
    pack_bytes: int
    resumed_from: int
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        plain: dict[str, Any] = dict(vars(self))
        plain["out"] = str(self.out)
        plain["schema"] = self.schema.to_json()
        plain["rejects_path"] = None if self.rejects_path is None else str(self.rejects_path)
        plain["notes"] = list(self.notes)
        return plain


def write_rejects(out: Path, rejects: Iterable[tuple[str, str]]) -> Path | None:
    """Writes the list of rejects beside a pack, or removes one of an older pack.

    ``out.lmdb`` has ``out.lmdb.rejects.jsonl``, one ASCII JSON object a line, with "key" (the
    item), "error" (its kind) and "reason". Bytes of file names that are no UTF-8 appear as escaped
    surrogates, so that ``os.fsencode`` gives the name back.

    Returns:
        Its path, or None when nothing was rejected.

    Raises:
        StorageError: It cannot be written.
    """
    path = out.with_name(out.name + ".rejects.jsonl")
    lines = []
    for key, reason in rejects:
        error, _, words = reason.partition(": ")
        lines.append(json.dumps({"key": key, "error": error, "reason": words}) + "\n")
    try:
        if not lines:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return None
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_text("".join(lines), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise StorageError(
            f"{path}: the list of rejects cannot be written ({error.strerror}); the pack itself is "
            "whole and lists them too",
            error.errno,
        ) from error
    return path

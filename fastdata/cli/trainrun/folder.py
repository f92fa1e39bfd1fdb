"""The run folder: config.json, train.log, metrics.jsonl, and TensorBoard's files."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from fastdata.errors import UsageError
from fastdata.training import (
    CheckpointRecord,
    EvalRecord,
    FitResult,
    LogLine,
    Record,
    StartRecord,
)
from fastdata.training.lines import describe

__all__ = ["RunFolder"]


class RunFolder:
    """Keeps the records of one run; to be used by rank 0 alone.

    Args:
        path: The folder, made when it is not there.
        resume: Whether it may hold a run, which then goes on.
        tensorboard: As in the config.

    Raises:
        UsageError: It holds a run already, or TensorBoard is wanted and not installed.
    """

    def __init__(
        self, path: Path, *, resume: bool, tensorboard: bool | Literal["auto"] = "auto"
    ) -> None:
        if not resume and _is_begun(path / "metrics.jsonl"):
            raise UsageError(
                f"{path} holds a run; go on with it by --resume, or choose another folder by --out"
            )
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._board = _board(path, tensorboard)
        self._log = (path / "train.log").open("a", encoding="utf-8", buffering=1)
        self._metrics = path / "metrics.jsonl"
        self._metrics.touch()

    def write_config(self, resolved: Mapping[str, Any]) -> None:
        """Writes config.json: every setting as it is used, defaults and all."""
        text = json.dumps(resolved, indent=2, default=str, ensure_ascii=False)
        _replace(self.path / "config.json", text + "\n")

    def log(self, text: str) -> None:
        """Adds lines to train.log, each with the time."""
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        for line in text.splitlines():
            self._log.write(f"{now}  {line}\n")

    def record(self, record: Record) -> None:
        """Keeps a record in all of the files."""
        if isinstance(record, StartRecord):
            self._forget_after(record.step)
        self.log(describe(record))
        plain = {"type": _NAMES.get(type(record), "epoch")} | dataclasses.asdict(record)
        line = json.dumps(_finite(plain), default=str, ensure_ascii=False)
        with self._metrics.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
        if self._board is not None:
            _draw(self._board, record)

    def close(self) -> None:
        """Closes the files."""
        self._log.close()
        if self._board is not None:
            self._board.close()

    def _forget_after(self, step: int) -> None:
        """Drops the lines of steps that a resumed run does once more."""
        lines = self._metrics.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if _step(line) <= step]
        if len(kept) < len(lines):
            _replace(self._metrics, "".join(f"{line}\n" for line in kept))


_NAMES: dict[type, str] = {
    StartRecord: "start",
    LogLine: "log",
    EvalRecord: "eval",
    CheckpointRecord: "checkpoint",
    FitResult: "result",
}


def _is_begun(metrics: Path) -> bool:
    """Whether there is more than the start of a run, which failed at its first step then."""
    if not metrics.exists():
        return False
    return any(_step(line) > 0 for line in metrics.read_text(encoding="utf-8").splitlines())


def _step(line: str) -> float:
    try:
        found = json.loads(line)["step"]
        return found if isinstance(found, int) else math.inf
    except (ValueError, TypeError, KeyError):  # a line that a crash has cut off
        return math.inf


def _finite(value: Any) -> Any:
    """The value with NaN and infinities, which JSON lacks, as None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".tmp")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _board(path: Path, wanted: bool | Literal["auto"]) -> Any:
    if wanted is False:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        if wanted is True:
            raise UsageError(
                "run.tensorboard is true, and TensorBoard is not installed; pip install tensorboard"
            ) from error
        return None
    return SummaryWriter(str(path / "tensorboard"))


def _draw(board: Any, record: Record) -> None:
    if isinstance(record, LogLine):
        for name in ("loss", "lr", "samples_per_second", "data_share", "memory_bytes"):
            board.add_scalar(f"train/{name}", getattr(record, name), record.step)
    elif isinstance(record, EvalRecord):
        for name, value in record.metrics.items():
            board.add_scalar(f"val/{name}", value, record.step)

"""The checkpoints of a run: which to keep, and which one to go on from."""

from __future__ import annotations

import logging
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from fastdata.errors import CheckpointError
from fastdata.training import checkpoint
from fastdata.training.checkpoint import Facts

__all__ = ["Keeper"]

_log = logging.getLogger("fastdata.training")
_PREFIX = "step-"


class Keeper:
    """The folder "checkpoints" of a run.

    Args:
        folder: That folder; it may be absent.
        keep_last: Newest ones to keep.
        monitor: Metric that tells the best one, which is kept besides.
        mode: Whether "min" or "max" of it is better.
    """

    def __init__(
        self, folder: Path, *, keep_last: int, monitor: str, mode: Literal["min", "max"]
    ) -> None:
        self.folder = folder
        self._keep_last = keep_last
        self._monitor = monitor
        self._sign = 1 if mode == "max" else -1

    def __bool__(self) -> bool:
        return bool(self._paths())

    def save(
        self, state: Mapping[str, Any], *, name: str, step: int, value: float | None
    ) -> tuple[Path, Facts]:
        """Saves a checkpoint, and removes those that are not to be kept."""
        path = self.folder / f"{_PREFIX}{name}"
        numbers = [facts.number for _, facts in self._readable()]
        facts = checkpoint.save(
            path,
            state,
            step=step,
            number=max(numbers, default=0) + 1,
            monitor=self._monitor,
            value=value,
        )
        self._remove_old()
        return path, facts

    def newest(self) -> tuple[Path, dict[str, Any]] | None:
        """The newest checkpoint that is whole, and its state; None when there is none at all.

        Raises:
            CheckpointError: There are some, but none can be trusted.
        """
        reasons = []
        for path in self._newest_first():
            try:
                return path, checkpoint.load(path)
            except CheckpointError as error:
                _log.warning("left out a checkpoint: %s", error)
                reasons.append(str(error))
        if reasons:
            raise CheckpointError(
                f"none of the {len(reasons)} checkpoints in {self.folder} can be trusted; the "
                f"newest: {reasons[0]}"
            )
        return None

    def holds(self, path: Path) -> bool:
        """Whether a checkpoint is one of this folder."""
        return path.resolve().parent == self.folder.resolve()

    def best(self) -> Path | None:
        """The checkpoint with the best value of the monitored metric, the first one of equals."""
        valued = [
            (self._sign * facts.value, -facts.number, path)
            for path, facts in self._readable()
            if facts.value is not None and facts.monitor == self._monitor
        ]
        return max(valued)[2] if valued else None

    def _remove_old(self) -> None:
        by_age = [path for path, _ in sorted(self._readable(), key=lambda entry: entry[1].number)]
        kept = {self.best(), *by_age[-self._keep_last :]}
        for path in by_age:
            if path not in kept:
                # A removal that is broken off must not leave half a checkpoint.
                os.rename(path, path.with_name(f".{path.name}.partial-removed"))
        self.remove_broken_off()

    def remove_broken_off(self) -> None:
        """Removes what saves and removals left that were broken off; nothing else may be saving."""
        for left in self.folder.glob(f".{_PREFIX}*.partial-*"):
            shutil.rmtree(left)

    def _newest_first(self) -> list[Path]:
        numbers = {path: facts.number for path, facts in self._readable()}
        # What says nothing about itself may be the newest, and is to be named at least.
        return sorted(self._paths(), key=lambda path: numbers.get(path, math.inf), reverse=True)

    def _readable(self) -> list[tuple[Path, Facts]]:
        found = []
        for path in self._paths():
            try:
                found.append((path, checkpoint.read_facts(path)))
            except CheckpointError:
                continue
        return found

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob(f"{_PREFIX}*"))
